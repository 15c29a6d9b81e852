import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ResultStore } from "../../../bench/link-results.ts";
import type { Measurement } from "../../../bench/link-results.ts";

const directory = mkdtempSync(join(tmpdir(), "link-results-"));
after(() => rmSync(directory, { recursive: true }));

const failed: Measurement = { cell: "a", peer: "ours", round: 1, error: "it broke" };
const measured: Measurement = {
  cell: "b",
  peer: "ours",
  round: 1,
  figures: {
    rates: { up: 1 },
    idleMs: 1,
    echo: { p50Ms: 1, p95Ms: 1, p99Ms: 1, samples: 1 },
    others: 0,
  },
};

test("a run that was cut short goes on behind its last whole line, and tries again what has failed", () => {
  const first = new ResultStore(directory, "cubic", false);
  first.add(failed);
  first.add(measured);
  appendFileSync(join(directory, "link-cubic.jsonl"), '{"cell":"c","pe');
  const next = new ResultStore(directory, "cubic", true);
  assert.deepEqual(next.measurements, [failed, measured]);
  assert.deepEqual([next.has(failed), next.has(measured)], [false, true]);
  assert.ok(!next.has({ ...measured, round: 2 }));
  next.add({ ...measured, round: 2 });
  assert.equal(readFileSync(join(directory, "link-cubic.jsonl"), "utf8").split("\n").length, 4);
});

test("a run that does not resume begins with nothing, and so does one with nothing to resume", () => {
  assert.deepEqual(new ResultStore(directory, "cubic", false).measurements, []);
  assert.deepEqual(new ResultStore(directory, "bbr", true).measurements, []);
});
