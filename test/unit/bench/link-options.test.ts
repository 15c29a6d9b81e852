import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLinkOptions } from "../../../bench/link-options.ts";
import { UsageError } from "../../../client/errors.ts";

test("without options everything is measured once, with cubic", () => {
  const { parts, congestions, slice, peers, timing, rounds, resume } = parseLinkOptions([]);
  assert.deepEqual(parts, ["grid", "sixty", "steps", "sparse", "short"]);
  assert.deepEqual(congestions, ["cubic"]);
  assert.deepEqual(Object.values(slice).flat(), []);
  assert.deepEqual([peers, timing, rounds, resume], [undefined, { warmupSeconds: 5, seconds: 5 }, 1, false]);
});

test("options that name values may be given several times", () => {
  const words = "--rtt 40 --rtt 80 --rate unlimited --direction both --loss 0 --loss 0.1 --congestion bbr";
  const { slice, congestions, peers } = parseLinkOptions([...words.split(" "), "--peer", "ours"]);
  assert.deepEqual(slice, {
    rttMs: [40, 80],
    mbitPerS: [Infinity],
    queueBdp: [],
    direction: ["both"],
    loss: [0, 0.001],
  });
  assert.deepEqual(congestions, ["bbr"]);
  assert.deepEqual(
    peers?.map(({ name }) => name),
    ["ours"],
  );
});

test("what cannot be taken is named, and the hint has all options", () => {
  for (const args of [
    ["--wrong"],
    ["--rtt", "0"],
    ["--rate", "quick"],
    ["--direction", "left"],
    ["--peer", "nobody"],
    ["--part", "all"],
    ["--congestion", "reno"],
  ]) {
    assert.throws(
      () => parseLinkOptions(args),
      (error) => error instanceof UsageError && /--results DIRECTORY/.test(error.hint ?? ""),
    );
  }
});
