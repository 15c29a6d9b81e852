import assert from "node:assert/strict";
import { PassThrough, Readable, Writable } from "node:stream";
import { test } from "node:test";
import { HalfSocket } from "../../../../agent-src/wire/half-socket.ts";

/** What its user is told, in order. */
function watch(socket: HalfSocket): string[] {
  const told: string[] = [];
  socket.on("data", (bytes: Uint8Array) => void told.push(`data ${bytes.length}`));
  socket.on("end", () => void told.push("end"));
  socket.on("error", (error: Error) => void told.push(error.message));
  socket.on("close", () => void told.push("close"));
  return told;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

test("a stream that is only written has ended from the start, and is closed with its stream", async () => {
  const write = new PassThrough();
  const socket = new HalfSocket({ write });
  const told = watch(socket);
  assert.deepEqual(told, ["end"]);
  let written = 0;
  socket.write(Buffer.from("abc"), () => (written = 3));
  socket.end();
  write.resume();
  await until(() => told.length === 2);
  assert.deepEqual([written, ...told], [3, "end", "close"]);
});

test("a stream that is only read is closed when it has ended and the other direction has", async () => {
  const read = Readable.from([Buffer.from("abc")]);
  const socket = new HalfSocket({ read });
  const told = watch(socket);
  await until(() => read.closed);
  assert.deepEqual(told, ["data 3", "end"]);
  socket.end();
  assert.deepEqual(told, ["data 3", "end", "close"]);
});

test("what is written to a stream that is only read is taken and forgotten", () => {
  const socket = new HalfSocket({ read: new PassThrough() });
  let calls = 0;
  assert.equal(
    socket.write(Buffer.from("abc"), (error) => (calls += error ? 100 : 1)),
    true,
  );
  assert.equal(calls, 1);
});

test("a stream that breaks is closed at once, whatever the other direction does", async () => {
  const read = new PassThrough();
  const told = watch(new HalfSocket({ read }));
  read.destroy(new Error("broken"));
  await until(() => told.length === 2);
  assert.deepEqual(told, ["broken", "close"]);
});

test("destroy() destroys both streams, and is told once", async () => {
  const [read, write] = [new PassThrough(), new Writable({ write: (_chunk, _encoding, done) => done() })];
  const socket = new HalfSocket({ read, write });
  const told = watch(socket);
  socket.destroy();
  socket.destroy();
  await until(() => told.length > 0);
  await new Promise(setImmediate);
  assert.deepEqual(told, ["close"]);
});

test("finish() makes an end of what was read so far", async () => {
  const read = new PassThrough();
  const socket = new HalfSocket({ read });
  const told = watch(socket);
  read.write("abc");
  await until(() => told.length === 1);
  socket.finish();
  socket.finish();
  read.end("more");
  await until(() => read.closed);
  assert.deepEqual(told, ["data 3", "end"]);
});
