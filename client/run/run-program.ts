/**
 * One program on the far side, from launch to exit status. Agent, program and the channels between them are written at
 * once, so a program starts after the one round trip that a launch takes.
 */
import { randomBytes } from "node:crypto";
import type { Writable } from "node:stream";
import { encodeChild } from "../../bootstrap/child-texts.ts";
import { launch } from "../../bootstrap/launch.ts";
import { MARK_CHARS } from "../../bootstrap/stage-texts.ts";
import type { RuntimeProvider } from "../../bootstrap/runtime-provider.ts";
import type { Transport } from "../../bootstrap/transport.ts";
import type { Bundle } from "../../bundler/format.ts";
import type { SshuttleError } from "../../bundler/error.ts";
import type { RunAgentOptions } from "../../agent-src/run-main.ts";
import type { Channel, ChannelHandler } from "../../agent-src/wire/channel.ts";
import { GoAway, PeerError } from "../../agent-src/wire/codes.ts";
import type { LinkEnd } from "../../agent-src/wire/event.ts";
import { HalfSocket } from "../../agent-src/wire/half-socket.ts";
import type { ReadSide } from "../../agent-src/wire/half-socket.ts";
import { Link, monotonicMs } from "../../agent-src/wire/link.ts";
import type { ByteSink } from "../../agent-src/wire/link.ts";
import { Mux } from "../../agent-src/wire/mux.ts";
import { ReceiveMemory } from "../../agent-src/wire/receive-memory.ts";
import {
  encodeRequest,
  MessageReader,
  parseReport,
  RunKind,
  runTarget,
} from "../../agent-src/wire/run-control.ts";
import type { RunReport } from "../../agent-src/wire/run-control.ts";
import { splice } from "../../agent-src/wire/splice.ts";
import { ClientError } from "../errors.ts";
import { LastLines } from "../last-lines.ts";
import { explainEnd, settledWithin } from "../link-end.ts";
import type { Log } from "../log.ts";
import type { Output } from "./output.ts";

export interface ProgramRequest {
  readonly transport: Transport;
  /** agent-src/run-main.ts, see ../agent-bundle.ts. */
  readonly agent: Bundle;
  readonly program: Bundle;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where it starts; absent: in the home folder there. */
  readonly directory?: string | undefined;
  /** See LaunchOptions. */
  readonly runtime?: string | undefined;
  readonly runtimes?: RuntimeProvider | undefined;
  readonly stdin: ReadSide;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly log: Log;
  readonly agentOptions?: RunAgentOptions;
}

export interface RunningProgram {
  /** Sends it there. */
  signal(name: NodeJS.Signals): void;
  /**
   * Resolves when it has ended and its output is written here: its exit status, or 128 and the number of the signal that
   * ended it. Rejects with an SshuttleError if the link was lost, or it could not be started.
   */
  readonly status: Promise<number>;
}

/** Of what is ready to be sent, a piece. */
const BATCH_BYTES = 65_536;
/** How long the agent may take to go after go-away. */
const CLOSE_WAIT_MS = 3000;

/** @throws BootstrapError if the agent cannot be started. */
export async function startProgram(request: ProgramRequest): Promise<RunningProgram> {
  const { transport, log } = request;
  const mux = new Mux("client", monotonicMs());
  mux.windows = new ReceiveMemory(mux);
  const channels = openChannels(mux, request);
  const agent = await launch({
    transport,
    bundle: request.agent,
    args: [JSON.stringify(request.agentOptions ?? {})],
    // Its lines are right without. The program's own maps go before the program.
    maps: "none",
    runtime: request.runtime,
    runtimes: request.runtimes,
    input: takeAll(mux),
    onNoise: (bytes) => log(1, `before the agent: ${Buffer.from(bytes).toString("utf8")}`),
  });
  const { name, version, platform, arch } = agent.runtime;
  log(1, `connected to ${transport.description} (${name} ${version} on ${platform} ${arch})`);
  const lastLines = new LastLines();
  agent.stderr.on("data", (chunk: Buffer) => {
    for (const line of lastLines.push(chunk.toString("utf8"))) log(0, line);
  });

  const reported = watchControl(channels.control, log, (error) => link.goAway(error.code, error.message));
  splice(channels.stdin, new HalfSocket({ read: request.stdin }));
  splice(channels.stdout, new HalfSocket({ write: request.stdout }));
  splice(channels.stderr, new HalfSocket({ write: request.stderr }));
  channels.loader.handler = DISCARD;
  let end: (value: LinkEnd) => void = () => undefined;
  const ended = new Promise<LinkEnd>((resolve) => (end = resolve));
  const link = new Link({
    mux,
    input: agent.stdout,
    output: outlasting(agent.stdin),
    ended: end,
    fault: (error, channel) => log(0, `channel ${channel.id} failed: ${String(error)}`),
  });

  let isReported = false;
  const outputs = [request.stdout, request.stderr];
  const finished = reported.then(async (report) => {
    isReported = true;
    // What never ran wrote nothing.
    if (report.type === "failed") return report;
    await Promise.all(outputs.map(({ done }) => done));
    return outputs.some(({ isCut }) => isCut) ? await cutBy() : report;
  });
  const explain = (why: LinkEnd, hint: string): Promise<SshuttleError> =>
    explainEnd(why, { agent, lastLines, where: transport.description, hint });
  const over = ended.then((why): Promise<RunReport | SshuttleError> =>
    // The agent has nothing more to say then, and everything that it said is here or on its way to our streams.
    isReported && isNormal(why) ? finished : explain(why, "the program was hung up"),
  );
  /** The program has ended, and not all that it wrote has come. */
  const cutBy = async (): Promise<SshuttleError> => {
    const why = await settledWithin(ended, CLOSE_WAIT_MS);
    if (why && !isNormal(why))
      return await explain(why, "the program has ended, and the end of its output is missing");
    return new ClientError(
      "output-cut",
      `Cannot show all that the program wrote: ${transport.description} could not read it to its end`,
    );
  };
  const settle = async (): Promise<number> => {
    const outcome = await Promise.race([finished, over]);
    link.goAway(GoAway.Normal);
    // An agent that cannot write what nobody reads any more goes by that.
    agent.stdin.end();
    const gone = await settledWithin(agent.exit, CLOSE_WAIT_MS);
    if (gone === undefined) agent.kill("SIGTERM");
    if (outcome instanceof Error) throw outcome;
    const failure = request.stdout.failure ?? request.stderr.failure;
    if (failure)
      throw new ClientError("file-write", `Cannot write the program's output: ${failure.message}`, {
        cause: failure,
      });
    return statusOf(outcome, transport.description);
  };
  return {
    signal: (signal) => void channels.control.write(encodeRequest({ type: "signal", name: signal })),
    status: settle(),
  };
}

/**
 * The agent goes by itself: our pipe to it may be gone while its last words are unread, and a write that fails then is
 * no lost link. Where it is one, the end of what we read says so.
 */
function outlasting(stdin: Writable): ByteSink {
  stdin.on("error", () => undefined);
  return {
    write: (bytes) => stdin.write(bytes),
    cork: () => stdin.cork(),
    uncork: () => stdin.uncork(),
    on: (event: string, listener: (error: Error) => void) => event === "drain" && stdin.on("drain", listener),
  };
}

interface Channels {
  readonly control: Channel;
  readonly stdin: Channel;
  readonly stdout: Channel;
  readonly stderr: Channel;
  readonly loader: Channel;
}

function openChannels(mux: Mux, request: ProgramRequest): Channels {
  const [control, stdin, stdout, stderr, loader] = [
    mux.open(runTarget(RunKind.Control)),
    mux.open(runTarget(RunKind.Stdin)),
    mux.open(runTarget(RunKind.Stdout)),
    mux.open(runTarget(RunKind.Stderr)),
    mux.open(runTarget(RunKind.Loader)),
  ];
  const { program, args, env, directory } = request;
  const mark = randomBytes(MARK_CHARS / 2).toString("hex");
  const groups = [...new Set(program.modules.map(({ group }) => group))];
  const { text, feed } = encodeChild(program, { mark, args, env, directory, groups, maps: true });
  control.write(encodeRequest({ type: "start", text: Buffer.from(text) }));
  loader.write(feed);
  return { control, stdin, stdout, stderr, loader };
}

/** What may be sent before the agent's hello has come: one window of each channel at most. */
function takeAll(mux: Mux): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const batch = mux.pollTransmit(BATCH_BYTES, monotonicMs());
    if (batch === undefined) return Buffer.concat(pieces);
    pieces.push(...batch);
  }
}

function isNormal({ by, code }: LinkEnd): boolean {
  return by === "peer" && code === GoAway.Normal;
}

/** Nothing that the loader says is needed: everything it may ask for is there. */
const DISCARD: ChannelHandler = {
  data: (channel, bytes) => channel.consume(bytes.length),
  end: () => undefined,
  reset: () => undefined,
  writable: () => undefined,
};

/** Resolves with the report that is the program's end. */
function watchControl(channel: Channel, log: Log, fail: (error: PeerError) => void): Promise<RunReport> {
  const reader = new MessageReader(parseReport);
  return new Promise((resolve) => {
    channel.handler = {
      data(_channel, bytes) {
        channel.consume(bytes.length);
        try {
          for (const report of reader.push(bytes)) {
            if (report.type === "started") log(2, `the program is process ${report.pid} there`);
            else resolve(report);
          }
        } catch (error) {
          if (!(error instanceof PeerError)) throw error;
          fail(error);
        }
      },
      end: () => fail(new PeerError("go on", "the agent ended the control of the program")),
      reset: (_channel, _code, detail) => fail(new PeerError("run the program", detail)),
      writable: () => undefined,
    };
  });
}

function statusOf(report: RunReport, where: string): number {
  switch (report.type) {
    case "exited":
      return report.status;
    case "killed":
      return 128 + report.number;
    case "started":
      return 0;
    case "failed":
      throw new ClientError(
        "program-not-started",
        `Cannot start the program by ${where}: ${new TextDecoder().decode(report.reason)}`,
      );
  }
}
