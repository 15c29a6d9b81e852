import fc from "fast-check";
import { Frame, PAYLOAD_BYTES } from "../../agent-src/wire/frame.ts";
import { FrameReader } from "../../agent-src/wire/frame-reader.ts";
import { FrameWriter } from "../../agent-src/wire/frame-writer.ts";

export interface PlainFrame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Uint8Array;
}

/** Any frame whose header is valid, with any payload. */
export const anyFrame: fc.Arbitrary<PlainFrame> = fc
  .tuple(fc.constantFrom(...Object.values(Frame)), fc.integer({ min: 1, max: 0xffffffff }))
  .chain(([type, channel]) => {
    const [least, most] = PAYLOAD_BYTES[type] ?? [0, 0];
    return fc.record({
      type: fc.constant(type),
      channel: fc.constant(type < Frame.Open ? 0 : channel),
      payload: fc.uint8Array({ minLength: least, maxLength: Math.min(most, 2000) }),
    });
  });

export function encodeFrames(frames: readonly PlainFrame[]): Uint8Array {
  const writer = new FrameWriter();
  for (const { type, channel, payload } of frames)
    writer.frame(type, channel, payload.length).payload(payload);
  return Buffer.concat(writer.take() ?? []);
}

/** What the reader makes of bytes that come in these pieces; pieces of DATA are joined. */
export function readFrames(pieces: readonly Uint8Array[]): { frames: PlainFrame[]; linkBytes: number } {
  const reader = new FrameReader();
  const frames: PlainFrame[] = [];
  let linkBytes = 0;
  for (const piece of pieces) {
    reader.push(piece);
    while (reader.next()) {
      const { type, channel, payload, bytes } = reader;
      const last = frames.at(-1);
      linkBytes += bytes;
      if (bytes === payload.length && last)
        frames[frames.length - 1] = { ...last, payload: Buffer.concat([last.payload, payload]) };
      else frames.push({ type, channel, payload: Buffer.from(payload) });
    }
  }
  return { frames, linkBytes };
}

/** Cuts bytes into pieces of these lengths, again and again. */
export function cutBytes(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

export const cuts: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 1, max: 600 }), {
  minLength: 1,
  maxLength: 8,
});
