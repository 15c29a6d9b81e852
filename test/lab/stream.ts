/**
 * A byte stream of any length that both ends can make for themselves, so that 1 GiB needs no file.
 *
 * The stream is one random block, repeated, with the number of the repetition written over its first
 * eight bytes: no two blocks are the same, so a lost, doubled or misplaced piece changes the hash.
 */
import { createCipheriv, createHash } from "node:crypto";

const BLOCK_BYTES = 256 * 1024;

/** AES-128 in counter mode over zeros, all-zero key: a fixed block without a pattern. */
const BLOCK = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(
  Buffer.alloc(BLOCK_BYTES),
);

/** The first `bytes` bytes of the stream, block by block; each block is the caller's to keep. */
export function* streamBlocks(bytes: number): Generator<Buffer> {
  for (let index = 0, left = bytes; left > 0; index += 1, left -= BLOCK_BYTES) {
    const block = Buffer.from(BLOCK);
    block.writeBigUInt64BE(BigInt(index));
    yield left < BLOCK_BYTES ? block.subarray(0, left) : block;
  }
}

/** Hex sha256 of the first `bytes` bytes. */
export function streamSha256(bytes: number): string {
  const hash = createHash("sha256");
  for (const block of streamBlocks(bytes)) hash.update(block);
  return hash.digest("hex");
}
