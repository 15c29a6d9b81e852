import assert from "node:assert/strict";
import { test } from "node:test";
import { GoAway, PeerError } from "../../../../agent-src/wire/codes.ts";
import { FrameWriter } from "../../../../agent-src/wire/frame-writer.ts";
import { MAX_VERSION, readHello, writeHello } from "../../../../agent-src/wire/hello.ts";
import { readOpen, writeOpen } from "../../../../agent-src/wire/target.ts";
import type { Target } from "../../../../agent-src/wire/target.ts";

const payloadOf = (write: (writer: FrameWriter) => void): Uint8Array => {
  const writer = new FrameWriter();
  write(writer);
  return Uint8Array.from(Buffer.concat(writer.take() ?? []).subarray(8));
};

function hello(min: number, max: number, windowBytes: number): Uint8Array {
  const payload = new Uint8Array(20);
  const view = new DataView(payload.buffer);
  view.setUint16(0, min);
  view.setUint16(2, max);
  view.setUint32(4, windowBytes);
  view.setUint32(8, 5);
  return payload;
}

const codeOf = (code: GoAway) => (error: unknown) => error instanceof PeerError && error.code === code;

test("a hello comes out as it went in", () => {
  const payload = payloadOf((writer) => writeHello(writer, 100_000, 7));
  assert.equal(payload.length, 16);
  assert.deepEqual(readHello(payload), {
    minVersion: 1,
    maxVersion: 1,
    windowBytes: 100_000,
    maxChannels: 7,
  });
});

test("versions that overlap are accepted, others end the link with code Version", () => {
  assert.equal(readHello(hello(0, 900, 65_536)).maxVersion, 900);
  assert.throws(() => readHello(hello(0, 0, 65_536)), codeOf(GoAway.Version));
  assert.throws(() => readHello(hello(MAX_VERSION + 1, 900, 65_536)), codeOf(GoAway.Version));
  assert.throws(() => readHello(hello(2, 1, 65_536)), codeOf(GoAway.Version));
});

test("a window is 64 KiB to 2^31 - 1", () => {
  readHello(hello(1, 1, 2 ** 31 - 1));
  assert.throws(() => readHello(hello(1, 1, 65_535)), codeOf(GoAway.FlowControl));
  assert.throws(() => readHello(hello(1, 1, 2 ** 31)), codeOf(GoAway.FlowControl));
});

const targets: Target[] = [
  { kind: "tcp", host: "10.0.0.1", port: 65_535 },
  { kind: "tcp", host: "fe80::1", port: 0 },
  { kind: "tcp", host: `${"x".repeat(63)}.`.repeat(3) + "y".repeat(63), port: 443 },
  { kind: "maps" },
  { kind: "unknown", number: 255 },
];
for (const target of targets)
  test(`target ${JSON.stringify(target).slice(0, 50)} comes out as it went in`, () => {
    assert.deepEqual(readOpen(payloadOf((writer) => writeOpen(writer, 1, target))), target);
  });

test("a host that is empty, too long, or holds a space or worse is an error of the peer", () => {
  const open = (host: string): Uint8Array => Uint8Array.of(1, 0, 80, ...Buffer.from(host, "latin1"));
  readOpen(open("x".repeat(255)));
  for (const host of ["", "x".repeat(256), "a b", "a\u0000", "a\u007f", "\u00e9"])
    assert.throws(() => readOpen(open(host)), codeOf(GoAway.Protocol));
  assert.throws(() => readOpen(Uint8Array.of(1)), codeOf(GoAway.Protocol));
});
