import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEdits, lineStarts, segmentOffsets } from "../../../bundler/mapped-text.ts";
import type { Edit, MappedText } from "../../../bundler/mapped-text.ts";

/** One segment at each character, so that its column says where it came from. */
function everywhere(text: string): MappedText {
  const segments = Array.from(text, (_, column) => ({
    generatedLine: 0,
    generatedColumn: column,
    sourceLine: 0,
    sourceColumn: column,
  }));
  return { text, segments };
}

/** The text after the edits, and what stands behind the segment of each character of the one before. */
function edited(text: string, ...edits: Edit[]): [string, Record<string, string>] {
  const mapped = applyEdits(everywhere(text), edits);
  const offsets = segmentOffsets(mapped);
  return [
    mapped.text,
    Object.fromEntries(
      Array.from(text, (character, index) => [character, mapped.text.slice(offsets[index])]),
    ),
  ];
}

test("lineStarts() has the offset of each line", () => {
  assert.deepEqual(lineStarts("a\n\nbc\n"), [0, 2, 3, 6]);
});

test("applyEdits() leaves a segment at an insertion behind it", () => {
  assert.deepEqual(edited("abc", { start: 1, end: 1, replacement: "\n--" }), [
    "a\n--bc",
    { a: "a\n--bc", b: "bc", c: "c" },
  ]);
});

test("applyEdits() keeps a segment at the start of what is replaced, and moves those inside to its end", () => {
  assert.deepEqual(edited("abcd", { start: 1, end: 3, replacement: "xyz" }), [
    "axyzd",
    { a: "axyzd", b: "xyzd", c: "d", d: "d" },
  ]);
});

test("applyEdits() adds up the edits before a segment", () => {
  const [text, places] = edited(
    "abcde",
    { start: 0, end: 0, replacement: "12" },
    { start: 1, end: 2, replacement: "" },
    { start: 3, end: 4, replacement: "\n" },
  );
  assert.equal(text, "12ac\ne");
  assert.deepEqual(places, { a: "ac\ne", b: "c\ne", c: "c\ne", d: "\ne", e: "e" });
});
