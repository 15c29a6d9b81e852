import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import type { Channel, ChannelHandler } from "../../../agent-src/wire/channel.ts";
import { GoAway, ResetCode } from "../../../agent-src/wire/codes.ts";
import { Frame } from "../../../agent-src/wire/frame.ts";
import { Mux } from "../../../agent-src/wire/mux.ts";
import type { Target } from "../../../agent-src/wire/target.ts";
import { buildAgent, spawnAgent, startTarget, Tunnel } from "./agent-process.ts";

let agent: Awaited<ReturnType<typeof buildAgent>>;
before(async () => void (agent = await buildAgent()));
after(() => agent.remove());

/** Runs with a tunnel that must be clean afterwards: no channel, no fault, exit status 0. */
async function withTunnel(use: (tunnel: Tunnel) => Promise<void>): Promise<void> {
  const tunnel = new Tunnel(agent.file);
  await use(tunnel);
  await until(() => tunnel.link.mux.channelCount === 0);
  assert.equal(await tunnel.close(), 0);
  assert.deepEqual(tunnel.faults, []);
  assert.equal(tunnel.stderr, "");
}

/** Turns of the event loop until it is so; the test's own time limit is the only clock. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

const dial = (port: number): Socket => connect({ port, host: "127.0.0.1", allowHalfOpen: true });

async function errorOf(socket: Socket): Promise<string> {
  const [error]: (Error & { code?: string })[] = await once(socket, "error");
  return error?.code ?? "none";
}

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
  await once(socket, "end");
  return text;
}

/** What a channel is told at last. */
function outcome(tunnel: Tunnel, target: Target): Promise<[ResetCode, string] | "opened"> {
  return new Promise((resolve) => {
    const handler: ChannelHandler = {
      opened(channel: Channel) {
        channel.reset();
        resolve("opened");
      },
      data: () => undefined,
      end: () => undefined,
      reset: (_channel, code, detail) => resolve([code, detail]),
      writable: () => undefined,
    };
    tunnel.link.open(target, handler);
  });
}

test("a big transfer is equal both ways at once", { timeout: 60_000 }, () =>
  withTunnel(async (tunnel) => {
    const target = await startTarget((socket) => socket.pipe(socket));
    const socket = dial(await tunnel.listen(target.port));
    const sent = createHash("sha256");
    const received = createHash("sha256");
    let receivedBytes = 0;
    socket.on("data", (bytes: Buffer) => {
      received.update(bytes);
      receivedBytes += bytes.length;
    });
    for (let i = 0; i < 64; i++) {
      const bytes = randomBytes(1_000_003);
      sent.update(bytes);
      if (!socket.write(bytes)) await once(socket, "drain");
    }
    socket.end();
    await once(socket, "end");
    assert.equal(receivedBytes, 64 * 1_000_003);
    assert.equal(received.digest("hex"), sent.digest("hex"));
    target.close();
  }),
);

test("half close: the client ends, and the target answers to that", () =>
  withTunnel(async (tunnel) => {
    const target = await startTarget((socket) => {
      let bytes = 0;
      socket.on("data", (data: Buffer) => (bytes += data.length));
      socket.on("end", () => setImmediate(() => socket.end(`got ${bytes}`)));
    });
    const socket = dial(await tunnel.listen(target.port));
    socket.end("x".repeat(300_000));
    assert.equal(await readAll(socket), "got 300000");
    target.close();
  }));

test("half close: the target ends, and the client goes on", () =>
  withTunnel(async (tunnel) => {
    let received = "";
    const target = await startTarget((socket) => {
      socket.end("bye");
      void readAll(socket).then((text) => (received = text));
    });
    const socket = dial(await tunnel.listen(target.port));
    assert.equal(await readAll(socket), "bye");
    socket.end("thanks");
    await until(() => received !== "");
    assert.equal(received, "thanks");
    target.close();
  }));

test("a reset by the client's application reaches the target, and the other way round", () =>
  withTunnel(async (tunnel) => {
    const seen: Promise<string>[] = [];
    const target = await startTarget((socket) => {
      seen.push(errorOf(socket));
      socket.write("hello");
    });
    const port = await tunnel.listen(target.port);
    const first = dial(port);
    await once(first, "data");
    first.resetAndDestroy();
    await until(() => seen.length === 1);
    assert.equal(await seen[0], "ECONNRESET");
    target.close();

    const abrupt = await startTarget((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const second = dial(await tunnel.listen(abrupt.port));
    second.write("hello");
    assert.equal(await errorOf(second), "ECONNRESET");
    abrupt.close();
  }));

test("a refused connection is an error at the application, not an empty success", () =>
  withTunnel(async (tunnel) => {
    const closed = await startTarget(() => undefined);
    closed.close();
    const socket = dial(await tunnel.listen(closed.port));
    socket.on("end", () => assert.fail("an end"));
    assert.equal(await errorOf(socket), "ECONNRESET");

    const refusal = await outcome(tunnel, { kind: "tcp", host: "127.0.0.1", port: closed.port });
    assert.ok(Array.isArray(refusal));
    assert.equal(refusal[0], ResetCode.Refused);
    assert.match(refusal[1], /ECONNREFUSED/);
  }));

test("an odd destination is a reset with its own reason, and the link goes on", () =>
  withTunnel(async (tunnel) => {
    const codeFor = async (host: string, port: number): Promise<unknown> =>
      [await outcome(tunnel, { kind: "tcp", host, port })].flat()[0];
    assert.equal(await codeFor("nowhere.invalid", 80), ResetCode.NameNotFound);
    assert.equal(await codeFor("255.255.255.255", 80), ResetCode.NetworkUnreachable);
    assert.equal([await outcome(tunnel, { kind: "unknown", number: 200 })].flat()[0], ResetCode.Unsupported);
    const target = await startTarget(() => undefined);
    assert.equal(await outcome(tunnel, { kind: "tcp", host: "localhost", port: target.port }), "opened");
    target.close();
  }));

test("1,000 connections opened and closed leave no channel and no descriptor", { timeout: 60_000 }, () =>
  withTunnel(async (tunnel) => {
    const target = await startTarget((socket) => socket.pipe(socket));
    const port = await tunnel.listen(target.port);
    const visit = async (i: number): Promise<void> => {
      const socket = dial(port);
      socket.on("error", () => undefined);
      socket.write(`hello ${i}`);
      const [answer]: Buffer[] = await once(socket, "data");
      assert.equal(String(answer), `hello ${i}`);
      if (i % 4 === 0) socket.resetAndDestroy();
      else if (i % 4 === 1) socket.destroy();
      else {
        socket.end();
        await once(socket, "end");
      }
      if (!socket.closed) await once(socket, "close");
    };
    await visit(0);
    await until(() => tunnel.link.mux.channelCount === 0);
    const atRest = tunnel.countDescriptors();
    for (let i = 0; i < 1000; i += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => visit(i + j)));
    await until(() => tunnel.link.mux.channelCount === 0 && tunnel.countDescriptors() <= atRest);
    target.close();
  }),
);

test("maps arrive whole; a payload that the loader refuses resets the channel and nothing else", async () => {
  const tunnel = new Tunnel(agent.file);
  const ended = new Promise<void>((resolve) => {
    const handler: ChannelHandler = {
      data: () => undefined,
      end: () => resolve(),
      reset: (_channel, _code, detail) => assert.fail(detail),
      writable: () => undefined,
    };
    const channel = tunnel.link.open({ kind: "maps" }, handler);
    channel.write(new Uint8Array(200_000).fill(1));
    channel.write(Uint8Array.of(7));
    channel.end();
  });
  await ended;
  const refused = new Promise<ResetCode>((resolve) => {
    const channel = tunnel.link.open(
      { kind: "maps" },
      {
        data: () => undefined,
        end: () => assert.fail("an end"),
        reset: (_channel, code) => resolve(code),
        writable: () => undefined,
      },
    );
    channel.write(Uint8Array.of(33));
    channel.end();
  });
  assert.equal(await refused, ResetCode.Internal);
  assert.equal(await tunnel.close(), 0);
  assert.match(tunnel.stderr, /^maps 200001 7\nchannel 3: Error: no maps/);
});

test("the agent ends with its stdin, with its stdout, and with go-away", async () => {
  const byInput = spawnAgent(agent.file);
  byInput.stdin.end();
  assert.deepEqual(await once(byInput, "exit"), [0, null]);

  const byOutput = spawnAgent(agent.file, { pingMs: 20, lostMs: 60_000 });
  byOutput.stdout.destroy();
  assert.deepEqual(await once(byOutput, "exit"), [0, null]);

  const tunnel = new Tunnel(agent.file);
  assert.equal(await tunnel.close(), 0);
  assert.equal(tunnel.end?.by, "local");
});

test("the agent ends when it hears nothing, though its stdin stays open", async () => {
  const child = spawnAgent(agent.file, { pingMs: 50, lostMs: 150, verbosity: 1 });
  let stderr = "";
  child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
  child.stdout.resume();
  child.stdin.write(Buffer.concat(new Mux("client", 0).pollTransmit(65_536, 0) ?? []));
  assert.deepEqual(await once(child, "exit"), [0, null]);
  assert.match(stderr, /nothing heard from the peer/);
});

test("an agent whose stdout nobody reads still ends with its stdin", async () => {
  const child = spawnAgent(agent.file);
  const target = await startTarget((socket) => socket.write(Buffer.alloc(4_000_000)));
  const mux = new Mux("client", 0);
  mux.open({ kind: "tcp", host: "127.0.0.1", port: target.port });
  child.stdin.write(Buffer.concat(mux.pollTransmit(65_536, 0) ?? []));
  // What fits the pipe is there; the rest waits in the agent.
  await once(child.stdout, "readable");
  child.stdin.end();
  assert.deepEqual(await once(child, "exit"), [0, null]);
  target.close();
});

test("garbage on stdin is answered by hello and GO_AWAY, and the agent ends", async () => {
  const child = spawnAgent(agent.file);
  const chunks: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => chunks.push(bytes));
  child.stdin.write("GET / HTTP/1.1\r\n\r\n");
  assert.deepEqual(await once(child, "exit"), [0, null]);
  const bytes = Buffer.concat(chunks);
  assert.equal(bytes[0], Frame.Hello);
  assert.equal(bytes[24], Frame.GoAway);
  assert.equal(bytes[32], GoAway.Protocol);
  assert.match(bytes.subarray(33).toString(), /^Cannot read frame of type 71/);
});
