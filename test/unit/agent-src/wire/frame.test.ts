import assert from "node:assert/strict";
import { test } from "node:test";
import { GoAway, PeerError } from "../../../../agent-src/wire/codes.ts";
import { asDetail, Frame, PAYLOAD_BYTES, readU32 } from "../../../../agent-src/wire/frame.ts";
import { FrameReader } from "../../../../agent-src/wire/frame-reader.ts";
import { FrameWriter } from "../../../../agent-src/wire/frame-writer.ts";

function header(type: number, channel: number, length: number): Uint8Array {
  return Buffer.concat(new FrameWriter().frame(type, channel, length).take() ?? []);
}

function read(bytes: Uint8Array): FrameReader {
  const reader = new FrameReader();
  reader.push(bytes);
  reader.next();
  return reader;
}

const codeOf = (code: GoAway) => (error: unknown) => error instanceof PeerError && error.code === code;

test("a header is type, channel and 24 bits of length, big-endian", () => {
  assert.deepEqual([...header(Frame.Data, 0x01020304, 0x010000)], [18, 1, 2, 3, 4, 1, 0, 0]);
});

for (const [name, type] of Object.entries(Frame)) {
  const [least, most] = PAYLOAD_BYTES[type] ?? [0, 0];
  const channel = type < Frame.Open ? 0 : 7;
  test(`${name}: ${least} to ${most} bytes of payload, and none more or less`, () => {
    for (const length of [least, most]) assert.equal(read(header(type, channel, length)).type, type);
    for (const length of [least - 1, most + 1].filter((bytes) => bytes >= 0))
      assert.throws(() => read(header(type, channel, length)), codeOf(GoAway.FrameSize));
    assert.throws(() => read(header(type, channel === 0 ? 7 : 0, least)), codeOf(GoAway.Protocol));
  });
}

test("a type that is not in the table is an error of the peer", () => {
  const types = new Set<number>(Object.values(Frame));
  for (let type = 0; type < 256; type++)
    if (!types.has(type))
      for (const channel of [0, 1])
        assert.throws(() => read(header(type, channel, 0)), codeOf(GoAway.Protocol));
});

test("DATA is handed out as it comes, as views of the input, and never empty", () => {
  const reader = new FrameReader();
  reader.push(header(Frame.Data, 3, 5));
  assert.equal(reader.next(), false);
  const input = Uint8Array.of(1, 2);
  reader.push(input);
  assert.equal(reader.next(), true);
  assert.equal(reader.payload.buffer, input.buffer);
  assert.equal(reader.bytes, 10);
  assert.equal(reader.next(), false);
  reader.push(Uint8Array.of(3, 4, 5, Frame.End, 0));
  assert.equal(reader.next(), true);
  assert.deepEqual([...reader.payload], [3, 4, 5]);
  assert.equal(reader.bytes, 3);
  assert.equal(reader.next(), false);
});

test("big payload goes out without a copy, small payload in one piece with its header", () => {
  const writer = new FrameWriter();
  const big = new Uint8Array(513);
  writer.frame(Frame.Data, 1, 513).payload(big);
  writer.frame(Frame.Data, 1, 512).payload(new Uint8Array(512));
  writer.frame(Frame.End, 1, 0);
  assert.equal(writer.bytes, 3 * 8 + 513 + 512);
  const list = writer.take();
  assert.deepEqual(
    list?.map((bytes) => bytes.length),
    [8, 513, 528],
  );
  assert.equal(list?.[1], big);
  assert.equal(writer.take(), undefined);
  assert.equal(writer.bytes, 0);
});

test("frames that fill many slabs come out in order", () => {
  const writer = new FrameWriter();
  for (let i = 1; i <= 5000; i++) writer.frame(Frame.Window, i, 4).u32(i);
  const reader = new FrameReader();
  reader.push(Buffer.concat(writer.take() ?? []));
  for (let i = 1; i <= 5000; i++) {
    assert.ok(reader.next());
    assert.equal(reader.channel, i);
    assert.equal(readU32(reader.payload, 0), i);
  }
  assert.equal(reader.next(), false);
});

test("u64 holds every exact integer", () => {
  for (const value of [0, 1, 0xffffffff, 2 ** 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER]) {
    const bytes = Buffer.concat(new FrameWriter().frame(Frame.Ack, 0, 8).u64(value).take() ?? []);
    assert.equal(readU32(bytes, 8) * 2 ** 32 + readU32(bytes, 12), value);
  }
});

test("asDetail() keeps printable ASCII, 255 bytes of it", () => {
  assert.equal(asDetail("caf\u00e9 \u001b[0m\n"), "caf? ?[0m?");
  assert.equal(asDetail("x".repeat(300)).length, 255);
});
