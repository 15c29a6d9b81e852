import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_NOISE_BYTES, MarkScanner } from "../../../bootstrap/mark-scanner.ts";
import type { MarkScan } from "../../../bootstrap/mark-scanner.ts";

const MARK = "1f0c5a7be2d94c3380aa61d2b7f3e914";
const READY = `\n${MARK} {"pid":1}\n`;

/** What the pieces come to; those after the decision are left alone. */
function scan(pieces: readonly Uint8Array[]): MarkScan {
  const scanner = new MarkScanner(MARK, "{");
  for (const piece of pieces) {
    const result = scanner.push(Buffer.from(piece));
    if (result.type !== "more") return result;
  }
  return { type: "more" };
}

function assertFound(pieces: readonly Uint8Array[], noise: Uint8Array, rest: Uint8Array): void {
  const result = scan(pieces);
  assert(result.type === "found");
  assert.equal(result.line, '{"pid":1}');
  assert.deepEqual(
    [Buffer.from(result.noise), Buffer.from(result.rest)],
    [Buffer.from(noise), Buffer.from(rest)],
  );
}

function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((at) => at % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, position) => bytes.subarray(ends[position - 1] ?? 0, end));
}

test("MarkScanner finds the mark wherever the bytes are cut, and gives the rest untouched", () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(bytes, bytes, fc.array(fc.nat()), (noise, rest, cuts) => {
      const all = Buffer.concat([noise, Buffer.from(READY), rest]);
      // The piece in which the line ends is the last one that it is given.
      const lineEnd = noise.length + READY.length;
      const pieces = [...cut(all.subarray(0, lineEnd - 1), cuts), all.subarray(lineEnd - 1)];
      assertFound(pieces, noise, rest);
    }),
  );
});

test("MarkScanner finds the mark in bytes that come one by one", () => {
  const noise = Buffer.from("Welcome\0to the machine");
  const bytes = Buffer.concat([noise, Buffer.from(READY)]);
  assertFound(
    [...bytes].map((byte) => Buffer.of(byte)),
    noise,
    Buffer.alloc(0),
  );
});

test("MarkScanner takes nothing for the mark that lacks the newline before it or the blank behind it", () => {
  assert.equal(scan([Buffer.from(`${MARK} {"pid":1}\n`)]).type, "more");
  assert.equal(scan([Buffer.from(`\n${MARK}\n{"pid":1}\n`)]).type, "more");
  assertFound(
    [Buffer.from(`\n${MARK}: not it\n${READY}`)],
    Buffer.from(`\n${MARK}: not it\n`),
    Buffer.alloc(0),
  );
});

test("MarkScanner gives up one byte past the limit", () => {
  const scanner = new MarkScanner(MARK, "{");
  assert.equal(scanner.push(Buffer.alloc(MAX_NOISE_BYTES)).type, "more");
  assert.equal(scanner.noise.length, MAX_NOISE_BYTES);
  assert.equal(scanner.push(Buffer.alloc(1)).type, "noise-limit");
});

test("MarkScanner gives up on a line that begins with the mark and has no end", () => {
  assert.equal(scan([Buffer.from(`\n${MARK} {`), Buffer.alloc(MAX_NOISE_BYTES)]).type, "noise-limit");
});

test("MarkScanner looks at each byte once: the limit in pieces of ten bytes takes well under a second", () => {
  const scanner = new MarkScanner(MARK, "{");
  const piece = Buffer.from("\nno mark: ");
  const start = process.cpuUsage();
  for (let bytes = piece.length; bytes < MAX_NOISE_BYTES; bytes += piece.length) scanner.push(piece);
  assert(process.cpuUsage(start).user < 1e6);
});
