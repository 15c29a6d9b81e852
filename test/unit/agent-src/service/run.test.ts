import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { RunService } from "../../../../agent-src/service/run.ts";
import { TellingMux } from "../../../../agent-src/service/telling-mux.ts";
import type { Channel, ChannelHandler } from "../../../../agent-src/wire/channel.ts";
import { GoAway, ResetCode } from "../../../../agent-src/wire/codes.ts";
import type { LinkEnd } from "../../../../agent-src/wire/event.ts";
import { Link, monotonicMs } from "../../../../agent-src/wire/link.ts";
import { Mux } from "../../../../agent-src/wire/mux.ts";
import {
  encodeRequest,
  MessageReader,
  parseReport,
  RunKind,
  runTarget,
} from "../../../../agent-src/wire/run-control.ts";
import type { RunReport } from "../../../../agent-src/wire/run-control.ts";
import { INITIAL_WINDOW_BYTES } from "../../../../agent-src/wire/window.ts";

const STREAMS = [RunKind.Stdin, RunKind.Stdout, RunKind.Stderr, RunKind.Loader] as const;

/** What a channel's user was told. */
class Notes implements ChannelHandler {
  text = "";
  readonly told: string[] = [];
  data(channel: Channel, bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString();
    channel.consume(bytes.length);
  }
  end(): void {
    this.told.push("end");
  }
  reset(_channel: Channel, code: ResetCode): void {
    this.told.push(`reset ${code}`);
  }
  writable(): void {
    this.told.push("writable");
  }
}

interface Session {
  readonly service: RunService;
  readonly link: Link;
  readonly reports: RunReport[];
  readonly ends: LinkEnd[];
  readonly open: (kind: RunKind) => { readonly channel: Channel; readonly notes: Notes };
}

/** A client without rules, and the service in this process. What it started is gone when the test ends. */
function startSession(context: TestContext): Session {
  const [up, down] = [new PassThrough(), new PassThrough()];
  const ends: LinkEnd[] = [];
  const reports: RunReport[] = [];
  const shell = {
    ended: (end: LinkEnd) => ends.push(end),
    fault: (error: unknown) => assert.fail(String(error)),
  };
  const link = new Link({ ...shell, mux: new Mux("client", monotonicMs()), input: down, output: up });
  const service = new RunService(
    {
      fail: (error) => agent.goAway(error.code, error.message),
      finish: () => agent.goAway(GoAway.Normal, "the program has ended"),
      log: () => undefined,
    },
    { graceMs: 50, lingerMs: 50 },
  );
  const mux = new TellingMux("agent", monotonicMs());
  mux.onIdle = () => service.handleIdle();
  const agent: Link = new Link({
    ...shell,
    mux,
    input: up,
    output: down,
    open: (channel) => service.open(channel),
  });
  context.after(() => {
    link.goAway(GoAway.Normal);
    return new Promise<void>((resolve) => service.end(resolve));
  });
  const reader = new MessageReader(parseReport);
  return {
    service,
    link,
    reports,
    ends,
    open: (kind) => {
      const notes = new Notes();
      const channel = link.open(runTarget(kind), notes);
      if (kind === RunKind.Control)
        notes.data = (_channel, bytes) => {
          channel.consume(bytes.length);
          reports.push(...reader.push(bytes));
        };
      return { channel, notes };
    },
  };
}

const start = (text: string): Uint8Array => encodeRequest({ type: "start", text: Buffer.from(text) });
const signal = (name: string): Uint8Array => encodeRequest({ type: "signal", name });

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

/** Both links do all that they have to do by now. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
}

test("what comes for a stream before START is kept, its end too", async (context) => {
  const session = startSession(context);
  const [stdin, stdout] = STREAMS.map(session.open);
  stdin?.channel.write(Buffer.from("early"));
  stdin?.channel.end();
  const control = session.open(RunKind.Control);
  control.channel.write(start(`process.stdin.pipe(process.stdout)`));
  await until(() => session.reports.length === 2 && stdout?.notes.told[0] === "end");
  assert.deepEqual(session.reports[1], { type: "exited", status: 0 });
  assert.equal(stdout?.notes.text, "early");
});

test("START may come before the streams", async (context) => {
  const session = startSession(context);
  session.open(RunKind.Control).channel.write(start(`process.exitCode = 9`));
  STREAMS.map(session.open);
  await until(() => session.reports.length === 2);
  assert.deepEqual(session.reports[1], { type: "exited", status: 9 });
});

test("stdout that nobody wants before START is closed when the program starts", async (context) => {
  const session = startSession(context);
  const [, stdout, stderr] = STREAMS.map(session.open);
  await turns();
  stdout?.channel.reset(ResetCode.Aborted);
  session
    .open(RunKind.Control)
    .channel.write(start(`process.stdout.on("error", (e) => console.error(e.code)).write("x")`));
  await until(() => stderr?.notes.told[0] === "end");
  assert.equal(stderr?.notes.text, "EPIPE\n");
});

test("the link ends with the program, once what it wrote has been sent, and not before", async (context) => {
  const session = startSession(context);
  const [, stdout] = STREAMS.map(session.open);
  assert.ok(stdout);
  stdout.channel.end();
  let bytes = 0;
  // Credit is withheld.
  stdout.notes.data = (_channel, piece) => void (bytes += piece.length);
  const sent = INITIAL_WINDOW_BYTES + 60_000;
  session.open(RunKind.Control).channel.write(start(`process.stdout.write("x".repeat(${sent}))`));
  await until(() => session.reports.length === 2 && bytes === INITIAL_WINDOW_BYTES);
  await turns();
  assert.deepEqual(session.ends, []);
  stdout.channel.consume(INITIAL_WINDOW_BYTES);
  await until(() => session.ends.length === 2);
  assert.deepEqual([bytes, stdout.notes.told], [sent, ["end"]]);
  for (const { code, detail } of session.ends)
    assert.deepEqual([code, detail], [GoAway.Normal, "the program has ended"]);
});

test("a program that cannot be started is FAILED with the system's reason, and nothing else", async (context) => {
  const { execPath } = process;
  process.execPath = "/nowhere/node";
  context.after(() => (process.execPath = execPath));
  const session = startSession(context);
  STREAMS.map(session.open);
  session.open(RunKind.Control).channel.write(start("0"));
  await until(() => session.reports.length > 0);
  const [report] = session.reports;
  assert.ok(report?.type === "failed");
  assert.match(Buffer.from(report.reason).toString(), /ENOENT/);
});

test("a signal without a program, or one that the system does not have, is dropped", async (context) => {
  const session = startSession(context);
  const { channel } = session.open(RunKind.Control);
  channel.write(signal("SIGTERM"));
  const [stdin, stdout] = STREAMS.map(session.open);
  channel.write(start(`process.stdin.on("end", () => console.log("end")).resume(); console.log("up")`));
  await until(() => stdout?.notes.text === "up\n");
  channel.write(signal("SIGNOTHING"));
  stdin?.channel.end();
  await until(() => session.reports.length === 2);
  assert.deepEqual(session.reports[1], { type: "exited", status: 0 });
});

for (const [title, misbehave] of [
  ["a second START", (channel: Channel) => channel.write(start("0"))],
  ["an end of the control channel", (channel: Channel) => channel.end()],
  ["a report from the client", (channel: Channel) => channel.write(Uint8Array.of(17, 0, 0, 1, 0))],
  ["a message that is none", (channel: Channel) => channel.write(Uint8Array.of(99, 0, 0, 1, 0))],
] as const) {
  test(`${title} ends the link, and the program with it`, async (context) => {
    const session = startSession(context);
    STREAMS.map(session.open);
    const { channel } = session.open(RunKind.Control);
    channel.write(start(`setInterval(() => 0, 1000)`));
    await until(() => session.reports.length > 0);
    misbehave(channel);
    await until(() => session.ends.length === 2);
    assert.deepEqual(session.ends.map(({ by }) => by).toSorted(), ["local", "peer"]);
    await new Promise<void>((resolve) => session.service.end(resolve));
    const [report] = session.reports;
    assert.ok(report?.type === "started");
    assert.throws(() => process.kill(report.pid, 0), /ESRCH/);
  });
}

test("a second channel of a kind is refused, and the first goes on", async (context) => {
  const session = startSession(context);
  const control = session.open(RunKind.Control);
  STREAMS.map(session.open);
  const seconds = [RunKind.Control, ...STREAMS].map(session.open);
  await until(() => seconds.every(({ notes }) => notes.told.length > 0));
  for (const { notes } of seconds) assert.deepEqual(notes.told, [`reset ${ResetCode.Unsupported}`]);
  control.channel.write(start("0"));
  await until(() => session.reports.length === 2);
});

test("START that comes behind the end of the link starts nothing", async (context) => {
  const session = startSession(context);
  STREAMS.map(session.open);
  const { channel } = session.open(RunKind.Control);
  await new Promise<void>((resolve) => session.service.end(resolve));
  channel.write(start("0"));
  channel.write(signal("SIGTERM"));
  await until(() => channel.queuedBytes === 0);
  await turns();
  assert.deepEqual(session.reports, []);
});
