import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerError } from "../../../../agent-src/wire/codes.ts";
import {
  encodeReport,
  encodeRequest,
  MAX_REASON_BYTES,
  MAX_START_BYTES,
  MessageReader,
  parseReport,
  parseRequest,
} from "../../../../agent-src/wire/run-control.ts";
import type { RunReport } from "../../../../agent-src/wire/run-control.ts";
import { INITIAL_WINDOW_BYTES } from "../../../../agent-src/wire/window.ts";

const START = 1;
const SIGNAL = 2;
const STARTED = 16;
const EXITED = 17;
const KILLED = 18;
const FAILED = 19;

/** A message as a peer may write it. */
function raw(type: number, ...payload: number[]): Uint8Array {
  return Uint8Array.of(type, 0, payload.length >> 8, payload.length & 255, ...payload);
}

function header(type: number, length: number): Uint8Array {
  return Uint8Array.of(type, length >> 16, (length >> 8) & 255, length & 255);
}

function report(bytes: Uint8Array): RunReport[] {
  return new MessageReader(parseReport).push(bytes);
}

test("the layout of messages is that of the specification", () => {
  assert.deepEqual(encodeRequest({ type: "start", text: Uint8Array.of(65, 66) }), raw(START, 65, 66));
  assert.deepEqual(encodeRequest({ type: "signal", name: "SIGINT" }), raw(SIGNAL, ...Buffer.from("SIGINT")));
  assert.deepEqual(encodeReport({ type: "started", pid: 0x01020304 }), raw(STARTED, 1, 2, 3, 4));
  assert.deepEqual(encodeReport({ type: "exited", status: 255 }), raw(EXITED, 255));
  assert.deepEqual(
    encodeReport({ type: "killed", number: 9, name: "SIGKILL" }),
    raw(KILLED, 9, ...Buffer.from("SIGKILL")),
  );
  assert.deepEqual(encodeReport({ type: "failed", reason: Uint8Array.of(1) }), raw(FAILED, 1));
});

test("every exit status goes there and back", () => {
  for (let status = 0; status < 256; status++) {
    assert.deepEqual(report(encodeReport({ type: "exited", status })), [{ type: "exited", status }]);
  }
});

test("START holds no more than MAX_START_BYTES, which fit into the window before the hello", () => {
  assert.ok(MAX_START_BYTES + 4 <= INITIAL_WINDOW_BYTES);
  const text = new Uint8Array(MAX_START_BYTES + 1);
  assert.throws(() => encodeRequest({ type: "start", text }), RangeError);
  assert.throws(() => encodeRequest({ type: "start", text: new Uint8Array() }), RangeError);
  const longest = encodeRequest({ type: "start", text: text.subarray(1) });
  assert.equal(new MessageReader(parseRequest).push(longest).length, 1);
  assert.throws(() => new MessageReader(parseRequest).push(header(START, MAX_START_BYTES + 1)), PeerError);
  assert.throws(() => new MessageReader(parseRequest).push(header(START, 0)), PeerError);
});

test("a reason is cut at MAX_REASON_BYTES", () => {
  const reason = new Uint8Array(MAX_REASON_BYTES + 1);
  assert.deepEqual(report(encodeReport({ type: "failed", reason })), [
    { type: "failed", reason: reason.subarray(1) },
  ]);
  assert.throws(() => report(header(FAILED, MAX_REASON_BYTES + 1)), PeerError);
});

test("a signal's name is one that a signal may have", () => {
  for (const name of ["", "INT", "SIG", "sigint", "SIGINT ", "SIG-1", "SIGABCDEFGHIJKLMN"]) {
    assert.throws(() => encodeRequest({ type: "signal", name }), RangeError, name);
    const bytes = raw(SIGNAL, ...Buffer.from(name));
    assert.throws(() => new MessageReader(parseRequest).push(bytes), PeerError, name);
  }
});

test("KILLED has a signal's number that 128 can be added to", () => {
  assert.throws(() => report(raw(KILLED, 0, ...Buffer.from("SIGINT"))), PeerError);
  assert.throws(() => report(raw(KILLED, 128, ...Buffer.from("SIGINT"))), PeerError);
  assert.equal(report(raw(KILLED, 127, ...Buffer.from("SIGINT"))).length, 1);
});

test("a message of the other direction is an error of the peer, and so is one of no direction", () => {
  assert.throws(() => new MessageReader(parseRequest).push(raw(EXITED, 0)), PeerError);
  assert.throws(() => report(raw(START, 65)), PeerError);
  for (const type of [0, 3, 15, 20, 255]) assert.throws(() => report(header(type, 1)), PeerError);
});

test("a length is refused when its header is there, and not when its payload is", () => {
  assert.throws(() => report(header(EXITED, 2)), PeerError);
  assert.throws(() => report(header(STARTED, 0xffffff)), PeerError);
  assert.throws(() => report(header(EXITED, 0)), PeerError);
});
