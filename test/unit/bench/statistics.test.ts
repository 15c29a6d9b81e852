import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTable, summarise } from "../../../bench/statistics.ts";

test("summarise() takes the middle run, or the mean of the two in the middle", () => {
  assert.deepEqual(summarise([3, 1, 100]), { median: 3, min: 1, max: 100, runs: [3, 1, 100] });
  assert.equal(summarise([4, 1, 2, 100]).median, 3);
  assert.equal(summarise([7]).median, 7);
});

test("summarise() refuses to sum up nothing", () => {
  assert.throws(() => summarise([]), RangeError);
});

test("formatTable() aligns names to the left and figures to the right", () => {
  assert.equal(
    formatTable([
      ["peer", "rate"],
      ["a long name", "1"],
      ["b", "22222"],
    ]),
    ["peer          rate", "a long name      1", "b            22222"].join("\n"),
  );
});
