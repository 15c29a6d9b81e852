import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PeerError } from "../../agent-src/wire/codes.ts";
import { anyFrame, cutBytes, cuts, encodeFrames, readFrames } from "./frames.ts";

test("frames do not depend on where the stream is cut, and come out as they went in", () => {
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 20 }), cuts, (frames, lengths) => {
      const bytes = encodeFrames(frames);
      const read = readFrames(cutBytes(bytes, lengths));
      assert.deepEqual(
        read.frames,
        frames.map((frame) => ({ ...frame, payload: Buffer.from(frame.payload) })),
      );
      assert.equal(read.linkBytes, bytes.length);
    }),
    { numRuns: 500 },
  );
});

test("a stream that stops in the middle of a frame gives the frames before it and no error", () => {
  fc.assert(
    fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 5 }), fc.nat(), (frames, at) => {
      const bytes = encodeFrames(frames);
      const read = readFrames([bytes.subarray(0, at % bytes.length)]);
      assert.ok(read.frames.length <= frames.length);
    }),
  );
});

test("any bytes at all end in frames or in a PeerError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), cuts, (bytes, lengths) => {
      try {
        readFrames(cutBytes(bytes, lengths));
      } catch (error) {
        assert.ok(error instanceof PeerError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
