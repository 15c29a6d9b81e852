/** Sockets that are mere descriptors, against net.Socket at the other end. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { listenByDescriptor } from "../../../../client/descriptors/descriptor-listener.ts";
import type { DescriptorSocket } from "../../../../client/descriptors/descriptor-socket.ts";
import { Slab } from "../../../../client/descriptors/slab.ts";
import { descriptorContext, takeOver } from "../../../../client/descriptors/take-over.ts";
import type { Listener } from "../../../../client/intake/listener.ts";

const MIB = 1_048_576;

const context = descriptorContext(() => false);
const waiting: ((socket: DescriptorSocket) => void)[] = [];
const listeners: Listener[] = ([4, 6] as const).map((family) =>
  listenByDescriptor({ family, address: family === 4 ? "127.0.0.1" : "::1", port: 0 }, context, (socket) => {
    const next = waiting.shift();
    assert.ok(next !== undefined, "a connection that nobody made");
    next(socket);
  }),
);
after(() => Promise.all(listeners.map((listener) => listener.close())));

const descriptors = (): number => readdirSync("/proc/self/fd").length;

/** Both ends of a connection; what the near one says, in order. */
async function pair(
  family: 4 | 6 = 4,
): Promise<{ near: DescriptorSocket; far: Socket; said: string[]; got: Buffer[] }> {
  const accepted = new Promise<DescriptorSocket>((resolve) => waiting.push(resolve));
  const { address, port } = listeners[family === 4 ? 0 : 1]!.endpoint;
  const far = connect({ host: address, port, allowHalfOpen: true });
  far.on("error", () => undefined);
  const near = await accepted;
  const said: string[] = [];
  const got: Buffer[] = [];
  near.on("data", (bytes) => void got.push(Buffer.from(bytes)));
  for (const event of ["end", "close", "timeout", "drain"] as const)
    near.on(event, () => void said.push(event));
  near.on("error", (error) => void said.push(`error ${error.message}`));
  near.resume();
  return { near, far, said, got };
}

async function until(what: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!what()) {
    assert.ok(performance.now() < endMs, `it never came to ${String(what)}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test("bytes go both ways, over IPv4 and IPv6", async () => {
  for (const family of [4, 6] as const) {
    const { near, far, got } = await pair(family);
    far.write("there");
    await until(() => got.length > 0);
    assert.equal(String(got[0]), "there");
    near.write(Buffer.from("back"));
    const [back] = await once(far, "data");
    assert.equal(String(back), "back");
    near.destroy();
    far.destroy();
  }
});

test("each side may end first: the other goes on, and with the second end both are closed", async () => {
  for (const first of ["near", "far"] as const) {
    const { near, far, said, got } = await pair();
    if (first === "near") near.end();
    else far.end();
    if (first === "near") {
      await once(far.resume(), "end");
      far.end("last words");
      await until(() => said.includes("close"));
      assert.equal(String(Buffer.concat(got)), "last words");
    } else {
      await until(() => said.includes("end"));
      const farGot = readAll(far);
      near.write(Buffer.from("last words"));
      near.end();
      assert.equal(String(await farGot), "last words");
      await until(() => said.includes("close"));
    }
    assert.deepEqual(said, ["end", "close"]);
  }
});

test("a reset is an error and then a close, and ours is one there", async () => {
  const there = await pair();
  there.far.resetAndDestroy();
  await until(() => there.said.includes("close"));
  assert.deepEqual(there.said, ["error ECONNRESET", "close"]);
  const here = await pair();
  const error = once(here.far, "error");
  here.near.resetAndDestroy();
  assert.equal((await error)[0].code, "ECONNRESET");
  await until(() => here.said.includes("close"));
  assert.deepEqual(here.said, ["close"]);
});

test("a paused socket reads nothing, and its reset is found when it goes on", async () => {
  const { near, far, said, got } = await pair();
  near.pause();
  far.write("early");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(got.length, 0);
  near.resume();
  await until(() => got.length > 0);
  near.pause();
  far.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(said.length, 0);
  near.resume();
  await until(() => said.includes("close"));
  assert.deepEqual(said, ["error ECONNRESET", "close"]);
});

test("a reader that is slow makes write() false; every byte arrives, and drain follows", async () => {
  const { near, far, said } = await pair();
  const pieces = Array.from({ length: 400 }, (_, i) => randomBytes(i % 3 === 0 ? 10 : 70_000));
  const written: number[] = [];
  near.cork();
  for (const [i, bytes] of pieces.entries()) near.write(bytes, () => written.push(i));
  near.uncork();
  assert.equal(near.write(Buffer.from("!")), false);
  assert.equal(near.isFlushed, false);
  near.end();
  const all = await readAll(far);
  assert.ok(all.equals(Buffer.concat([...pieces, Buffer.from("!")])));
  assert.deepEqual(
    written,
    pieces.map((_, i) => i),
  );
  assert.equal(near.isFlushed, true);
  assert.ok(said.includes("drain"));
  far.destroy();
});

test("silence is told once it is that long, and not while bytes come", async () => {
  const { near, far, said } = await pair();
  near.setTimeout(200);
  for (let i = 0; i < 6; i++) {
    far.write("x");
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  assert.equal(said.length, 0);
  await until(() => said.includes("timeout"));
  near.destroy();
  far.destroy();
});

test("memory that is read into is used again only when nobody refers to it", () => {
  let isUnused = false;
  const slab = new Slab(() => isUnused);
  const first = slab.room;
  first.fill(1);
  const one = slab.take(5000);
  slab.room.fill(2);
  const two = slab.take(5000);
  assert.deepEqual([one[0], one.at(-1), two[0]], [1, 1, 2]);
  isUnused = true;
  assert.equal(slab.room.byteOffset, first.byteOffset);
  assert.equal(slab.room.buffer, first.buffer);
});

test("what is short is copied: a key stroke keeps no slab", () => {
  const slab = new Slab(() => false);
  const { room } = slab;
  room.fill(1);
  const taken = slab.take(100);
  room.fill(2);
  assert.equal(taken[0], 1);
  assert.notEqual(taken.buffer, room.buffer);
});

test("a link that is taken over loses nothing of what was read before, and carries on bit for bit", async () => {
  const before = descriptors();
  const child = spawn("cat", { stdio: ["pipe", "pipe", "inherit"] });
  const sent = [randomBytes(300_000), randomBytes(20 * MIB)];
  child.stdout.on("readable", () => undefined);
  child.stdin.write(sent[0]!);
  await until(() => child.stdin.writableLength === 0 && child.stdout.readableLength > 0);
  child.stdout.removeAllListeners("readable");
  const streams = takeOver(child.stdout, child.stdin, () => false);
  const got: Buffer[] = [];
  let hasEnded = false;
  streams.input.on("data", (bytes) => void got.push(Buffer.from(bytes)));
  streams.input.on("end", () => (hasEnded = true));
  streams.output.cork();
  for (let at = 0; at < sent[1]!.length; at += 65_536)
    streams.output.write(sent[1]!.subarray(at, at + 65_536));
  streams.output.uncork();
  streams.end();
  await until(() => hasEnded);
  assert.ok(Buffer.concat(got).equals(Buffer.concat(sent)));
  assert.ok(streams.isFlushed());
  await until(() => descriptors() <= before);
});

test("without a descriptor to spare a connection is reset, and those that are open live on", async () => {
  const script = join(import.meta.dirname, "few-descriptors.js");
  const child = spawn("sh", ["-c", `ulimit -n 64; exec "$0" "$1"`, process.execPath, script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = Number(String((await once(child.stdout, "data"))[0]));
  const sockets = Array.from({ length: 80 }, () => connect({ host: "127.0.0.1", port }));
  const outcomes = await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<string>((resolve) => {
          socket.on("data", () => resolve("served"));
          socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
          socket.on("end", () => resolve("ended"));
          socket.write("x");
        }),
    ),
  );
  const served = sockets.filter((_, i) => outcomes[i] === "served");
  assert.ok(served.length >= 10 && served.length < 64, `${served.length} were served`);
  assert.ok(
    outcomes.every((outcome) => ["served", "ECONNRESET", "EPIPE"].includes(outcome)),
    outcomes.join(),
  );
  for (const socket of served) {
    const echo = once(socket, "data");
    socket.write("y");
    assert.equal(String((await echo)[0]), "y");
  }
  for (const socket of served) socket.destroy();
  const later = connect({ host: "127.0.0.1", port });
  later.write("z");
  assert.equal(String((await once(later, "data"))[0]), "z");
  later.destroy();
  child.kill();
  await once(child, "exit");
});
