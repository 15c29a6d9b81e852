import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { streamBlocks, streamSha256 } from "../../../lab/stream.ts";

const BYTES = 1_000_000;

function sha256(blocks: readonly Buffer[]): string {
  return createHash("sha256").update(Buffer.concat(blocks)).digest("hex");
}

test("streamBlocks() gives as many bytes as were asked for", () => {
  for (const bytes of [0, 1, 262_143, 262_144, 262_145, BYTES]) {
    assert.equal(Buffer.concat([...streamBlocks(bytes)]).length, bytes);
  }
});

test("a longer stream begins with the shorter one", () => {
  const long = Buffer.concat([...streamBlocks(BYTES)]);
  assert.equal(sha256([long.subarray(0, 300_000)]), streamSha256(300_000));
});

test("a block doubled, left out or in another place changes the hash", () => {
  const [a, b, c, d] = [...streamBlocks(BYTES)] as [Buffer, Buffer, Buffer, Buffer];
  assert.equal(sha256([a, b, c, d]), streamSha256(BYTES));
  for (const wrong of [
    [a, c, b, d],
    [a, b, b, d],
    [a, b, d],
  ]) {
    assert.notEqual(sha256(wrong), streamSha256(BYTES));
  }
});
