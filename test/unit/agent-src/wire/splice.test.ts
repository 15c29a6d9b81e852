import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { MAX_PAYLOAD_BYTES, receiveMaps } from "../../../../agent-src/service/modules.ts";
import type { Channel, ChannelHandler } from "../../../../agent-src/wire/channel.ts";
import { GoAway, ResetCode } from "../../../../agent-src/wire/codes.ts";
import type { LinkEnd } from "../../../../agent-src/wire/event.ts";
import { Link, monotonicMs } from "../../../../agent-src/wire/link.ts";
import { Mux } from "../../../../agent-src/wire/mux.ts";
import type { MuxOptions } from "../../../../agent-src/wire/options.ts";
import { splice } from "../../../../agent-src/wire/splice.ts";
import type { SpliceOptions } from "../../../../agent-src/wire/splice.ts";
import { listenOn } from "../agent-process.ts";

interface Two {
  readonly client: Link;
  readonly agent: Link;
  readonly up: PassThrough;
  readonly ends: LinkEnd[];
  readonly faults: unknown[];
}

/** A client's link and an agent's in this process, over two real streams. */
function linkTwo(accept: ((channel: Channel) => void) | undefined, options: MuxOptions = {}): Two {
  const up = new PassThrough();
  const down = new PassThrough();
  const ends: LinkEnd[] = [];
  const faults: unknown[] = [];
  const shell = { ended: (end: LinkEnd) => ends.push(end), fault: (error: unknown) => faults.push(error) };
  const client = new Link({
    ...shell,
    mux: new Mux("client", monotonicMs(), options),
    input: down,
    output: up,
  });
  const agent = new Link({
    ...shell,
    mux: new Mux("agent", monotonicMs(), options),
    input: up,
    output: down,
    ...(accept && { open: accept }),
  });
  return { client, agent, up, ends, faults };
}

/** Both ends of a TCP connection. */
async function socketPair(): Promise<[near: Socket, far: Socket]> {
  const server = createServer({ allowHalfOpen: true });
  const port = await listenOn(server);
  const near = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [far]: Socket[] = await once(server, "connection");
  server.close();
  assert.ok(far);
  return [near, far];
}

/** A user of a channel that notes what it is told. */
class Notes implements ChannelHandler {
  readonly told: string[] = [];
  bytes = 0;
  data(_channel: Channel, bytes: Uint8Array): void {
    this.bytes += bytes.length;
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

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

for (const [title, options, half] of [
  ["idleMs ends a flow that is silent", { idleMs: 50 }, false],
  ["halfCloseMs ends a flow that is silent after one direction has ended", { halfCloseMs: 50 }, true],
] satisfies [string, SpliceOptions, boolean][]) {
  test(title, async () => {
    const [near, far] = await socketPair();
    const notes = new Notes();
    let isClosed = false;
    const two = linkTwo((channel) => {
      channel.accept();
      splice(channel, far, { ...options, closed: () => (isClosed = true) });
    });
    two.client.open({ kind: "tcp", host: "10.0.0.1", port: 1 }, notes);
    near.on("error", () => undefined);
    near.resume();
    if (half) near.end();
    await until(() => isClosed && notes.told.length === (half ? 2 : 1));
    assert.deepEqual(notes.told, [...(half ? ["end"] : []), `reset ${ResetCode.TimedOut}`]);
    assert.equal(two.agent.mux.channelCount, 0);
    two.client.goAway(GoAway.Normal);
  });
}

test("a socket that reads nothing makes us hold one window, and gets every byte once it reads", async () => {
  const [near, far] = await socketPair();
  const windowBytes = 100_000;
  const two = linkTwo(
    (channel) => {
      channel.accept();
      splice(channel, far);
    },
    { windowBytes },
  );
  // Stopped before anything is written: what the kernel takes is its affair.
  near.pause();
  const channel = two.client.open({ kind: "tcp", host: "10.0.0.1", port: 1 }, new Notes());
  const sent = Buffer.from(Array.from({ length: 20_000_000 }, (_, i) => (i * 7 + Math.floor(i / 251)) & 255));
  for (let at = 0; at < sent.length; at += 1000) channel.write(sent.subarray(at, at + 1000));
  channel.end();
  const chunks: Buffer[] = [];
  near.on("data", (bytes: Buffer) => chunks.push(bytes));
  near.pause();
  // How much of it the socket has been given depends on what the kernel took last.
  await until(() => two.agent.mux.heldBytes > windowBytes / 2 && channel.sendCredit === 0);
  assert.ok(far.writableLength <= windowBytes);
  near.resume();
  await once(near, "end");
  assert.ok(Buffer.concat(chunks).equals(sent));
  near.end();
  await until(() => two.agent.mux.channelCount === 0);
  two.client.goAway(GoAway.Normal);
});

test("a socket that was paused when it was accepted is read", async () => {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const port = await listenOn(server);
  const near = connect({ port, host: "127.0.0.1" });
  near.write("early");
  const [far]: Socket[] = await once(server, "connection");
  assert.ok(far);
  const notes = new Notes();
  const two = linkTwo((channel) => {
    channel.handler = notes;
    channel.accept();
  });
  splice(two.client.open({ kind: "maps" }), far);
  await until(() => notes.bytes === 5);
  near.destroy();
  server.close();
  two.client.goAway(GoAway.Normal);
});

test("a socket that is closed already resets its channel", async () => {
  const [near, far] = await socketPair();
  near.destroy();
  far.destroy();
  const two = linkTwo(() => assert.fail("opened"));
  splice(two.client.open({ kind: "maps" }), near);
  await until(() => two.client.mux.channelCount === 0);
  two.client.goAway(GoAway.Normal);
});

test("a handler that throws loses its channel, and the link goes on", async () => {
  const notes = new Notes();
  const two = linkTwo((channel) => {
    if (channel.target.kind === "maps") throw new Error("no maps");
    const handler = new Notes();
    handler.data = () => {
      throw new Error("no data");
    };
    channel.handler = handler;
    channel.accept();
  });
  two.client.open({ kind: "maps" }, notes);
  const channel = two.client.open({ kind: "tcp", host: "10.0.0.1", port: 1 }, notes);
  channel.write(Buffer.alloc(10));
  await until(() => notes.told.length === 2);
  assert.deepEqual(notes.told, [`reset ${ResetCode.Internal}`, `reset ${ResetCode.Internal}`]);
  assert.deepEqual(two.faults.map(String), ["Error: no maps", "Error: no data"]);
  assert.deepEqual(two.ends, []);
  two.client.goAway(GoAway.Normal);
});

test("an end that opens nothing for its peer answers Unsupported", async () => {
  const two = linkTwo(undefined);
  const notes = new Notes();
  two.client.open({ kind: "maps" }, notes);
  await until(() => notes.told.length > 0);
  assert.deepEqual(notes.told, [`reset ${ResetCode.Unsupported}`]);
  two.client.goAway(GoAway.Normal);
});

test("a link that has ended resets what is opened later, and ends once", async () => {
  const two = linkTwo(undefined);
  two.up.destroy(new Error("broken"));
  await until(() => two.ends.length === 2);
  assert.deepEqual(
    two.ends.map(({ by }) => by),
    ["lost", "lost"],
  );
  const notes = new Notes();
  two.client.open({ kind: "maps" }, notes);
  await until(() => notes.told.length > 0);
  assert.deepEqual(notes.told, [`reset ${ResetCode.Aborted}`]);
  assert.equal(two.ends.length, 2);
});

test("source maps: the limit is taken, one byte more is refused", async () => {
  for (const [bytes, expected] of [
    [MAX_PAYLOAD_BYTES, "end"],
    [MAX_PAYLOAD_BYTES + 1, `reset ${ResetCode.Resource}`],
  ] satisfies [number, string][]) {
    let taken = 0;
    const two = linkTwo((channel) => receiveMaps(channel, (payload) => (taken = payload.length)));
    const notes = new Notes();
    const channel = two.client.open({ kind: "maps" }, notes);
    channel.write(Buffer.alloc(bytes));
    channel.end();
    await until(() => notes.told.some((word) => word !== "writable"));
    assert.equal(notes.told.at(-1), expected);
    assert.equal(taken, expected === "end" ? bytes : 0);
    two.client.goAway(GoAway.Normal);
  }
});
