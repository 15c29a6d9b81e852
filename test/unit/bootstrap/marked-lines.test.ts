import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_MARKED_LINE_BYTES, MarkedLines, withoutMarkedLines } from "../../../bootstrap/marked-lines.ts";

const MARK = "0123456789abcdef0123456789abcdef";

test("lines are found however the bytes are cut, also behind a line that has not ended", () => {
  const bytes = Buffer.from(
    `motd\nfetching… ${MARK} use /ü x\r\n${MARK} stored\nnoise ${MARK}\n${MARK} last`,
  );
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
      const lines = new MarkedLines(MARK);
      const ends = [...cuts.toSorted((a, b) => a - b), bytes.length];
      const found = ends.flatMap((end, index) => lines.push(bytes.subarray(ends[index - 1] ?? 0, end)));
      assert.deepEqual(found, ["use /ü x", "stored"]);
    }),
  );
});

test("a line without an end is not kept for ever, and a long one is none of ours", () => {
  const lines = new MarkedLines(MARK);
  const piece = Buffer.alloc(65_536, "x");
  assert.deepEqual(lines.push(Buffer.from(`${MARK} `)), []);
  for (let count = 0; count < 100; count++) assert.deepEqual(lines.push(piece), []);
  assert.deepEqual(lines.push(Buffer.from("\n")), []);
  assert.deepEqual(lines.push(Buffer.from(`${MARK} ${"x".repeat(MAX_MARKED_LINE_BYTES + 1)}\n`)), []);
  assert.deepEqual(lines.push(Buffer.from(`${MARK} stored\n`)), ["stored"]);
});

test("withoutMarkedLines() leaves every other byte as it is", () => {
  const others = Buffer.from([0, 255, 10, 13, 10, 200]);
  const all = Buffer.concat([others, Buffer.from(`${MARK} stored\nword ${MARK} 97 tried:\n`), others]);
  assert.deepEqual(withoutMarkedLines(all, MARK), Buffer.concat([others, Buffer.from("word "), others]));
  assert.deepEqual(withoutMarkedLines(others, MARK), others);
});
