import assert from "node:assert/strict";
import { test } from "node:test";
import { SSH_SAME_CIPHER } from "../../../bench/link-peers.ts";
import type { Measurement } from "../../../bench/link-results.ts";
import { UNEXPLAINED, echoBoundMs, judge } from "../../../bench/link-verdict.ts";
import { OURS } from "../../../bench/peers.ts";

const CELL = "40ms 50mbit 10bdp both 0%";

interface Given {
  readonly cell?: string;
  readonly peer?: string;
  readonly rate?: number;
  readonly p95?: number;
  readonly idle?: number;
  readonly round?: number;
}

function measured({
  cell = CELL,
  peer = OURS,
  rate = 45,
  p95 = 60,
  idle = 40,
  round = 1,
}: Given): Measurement {
  const echo = { p50Ms: idle, p95Ms: p95, p99Ms: p95, samples: 200 };
  return {
    cell,
    peer,
    round,
    figures: { rates: { up: rate, down: rate + 1 }, idleMs: idle, echo, others: 0 },
  };
}

const ssh = (given: Given = {}): Measurement =>
  measured({ peer: SSH_SAME_CIPHER, rate: 50, p95: 500, ...given });

function outcomeOf(...measurements: readonly Measurement[]): string | undefined {
  return judge(measurements, {}).verdicts[0]?.outcome;
}

test("nine tenths of the rate of ssh -L are enough, less are not", () => {
  assert.equal(outcomeOf(measured({ rate: 45 }), ssh()), "holds");
  assert.equal(outcomeOf(measured({ rate: 44.9 }), ssh()), "fails");
});

test("an echo may take 20 ms more than the base, or half of the base if that is more", () => {
  assert.equal(echoBoundMs(1), 21);
  assert.equal(echoBoundMs(40), 60);
  assert.equal(echoBoundMs(200), 300);
  assert.equal(outcomeOf(measured({ p95: 60 }), ssh()), "holds");
  assert.equal(outcomeOf(measured({ p95: 60.1 }), ssh()), "fails");
});

test("the base is what the idle echo took, but no less than the link is said to take", () => {
  assert.equal(outcomeOf(measured({ idle: 44, p95: 66 }), ssh()), "holds");
  assert.equal(outcomeOf(measured({ idle: 30, p95: 59 }), ssh()), "holds");
});

test("of several rounds the median counts", () => {
  const rates = [10, 46, 47].map((rate, index) => measured({ rate, round: index + 1 }));
  const { verdicts } = judge([...rates, ssh()], {});
  assert.equal(verdicts[0]?.peers.get(OURS)?.mbitPerS, 46);
  assert.equal(verdicts[0]?.outcome, "holds");
});

test("a cell without ours or without its measure is open, one in which they failed is not", () => {
  assert.equal(outcomeOf(measured({})), "open");
  assert.equal(outcomeOf(ssh()), "open");
  const failed: Measurement = { cell: CELL, peer: OURS, round: 1, error: "ours has ended\nlong text" };
  const { verdicts, judged, share } = judge([failed, ssh()], {});
  assert.deepEqual([judged, share], [1, 0]);
  assert.equal(verdicts[0]?.reason, "ours has ended");
});

test("both queues of a link without a limit are judged by one measurement", () => {
  const cell = "40ms unlimited 1bdp up 0%";
  const { verdicts } = judge([measured({ cell }), ssh({ cell })], {});
  assert.deepEqual(
    verdicts.map(({ name, outcome }) => [name, outcome]),
    [
      [cell, "holds"],
      ["40ms unlimited 10bdp up 0%", "holds"],
    ],
  );
});

test("a cell that fails has the reason that somebody has found, or none", () => {
  const results = [measured({ rate: 1 }), ssh()];
  const reasonOf = (exceptions: Record<string, string>): string | undefined =>
    judge(results, exceptions).verdicts[0]?.reason;
  assert.equal(reasonOf({}), UNEXPLAINED);
  assert.equal(reasonOf({ "40ms * * both *": "known" }), "known");
  assert.equal(reasonOf({ "200ms * * both *": "known" }), UNEXPLAINED);
});
