import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeFew, judgeOpen, judgeStalled } from "../../../bench/channel-verdict.ts";
import type { Finding } from "../../../bench/channel-verdict.ts";
import type { FewDescriptors, OpenAtOnce, Stalled } from "../../../bench/channels.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const both = (each: number): { client: number; agent: number } => ({ client: each, agent: each });

/** How many of them do not hold. */
const failures = (findings: readonly Finding[]): number => findings.filter(({ holds }) => !holds).length;

const COUNT = 10_000;
const settings = { intake: "socks", count: COUNT, forMs: 60_000, everyMs: 10_000, giveBackMs: 0 } as const;
const open: OpenAtOnce = {
  opened: { opened: COUNT, refused: {} },
  echoed: { echoes: 59_000, lost: 0, open: COUNT, p50Ms: 3, p99Ms: 20 },
  idleBytes: both(6 * KIB * COUNT),
  usedBytes: both(10 * KIB * COUNT),
  leftBytes: both(2.5 * KIB * COUNT),
  leftDescriptors: both(0),
  againBytes: both(12.5 * KIB * COUNT),
};

test("judgeOpen() lets 10 KiB a connection pass, and nothing that is a bit worse", () => {
  assert.equal(failures(judgeOpen(open, settings)), 0);
  const { opened, echoed } = open;
  for (const worse of [
    { opened: { ...opened, opened: COUNT - 1 } },
    { echoed: { ...echoed, lost: 1 } },
    { echoed: { ...echoed, open: COUNT - 1 } },
    { echoed: { ...echoed, echoes: 40_000 } },
    { usedBytes: { client: 10 * KIB * COUNT, agent: 10 * KIB * COUNT + 1 } },
    { idleBytes: { client: 10 * KIB * COUNT + 1, agent: 0 } },
    { leftBytes: { client: 0, agent: 2.5 * KIB * COUNT + 1 } },
    { leftDescriptors: { client: 1, agent: 0 } },
    { againBytes: { client: 12.5 * KIB * COUNT + 1, agent: 0 } },
  ])
    assert.equal(failures(judgeOpen({ ...open, ...worse }, settings)), 1, JSON.stringify(worse));
});

test("judgeOpen() allows a few connections what a collector may leave, and no more", () => {
  const few = { ...settings, count: 1000 };
  const echoed = { ...open.echoed, open: 1000 };
  const result = {
    ...open,
    opened: { opened: 1000, refused: {} },
    echoed,
    leftBytes: both(0),
    againBytes: both(0),
  };
  const usedBytes = both(10 * KIB * 1000 + 16 * MIB);
  assert.equal(failures(judgeOpen({ ...result, idleBytes: both(0), usedBytes }, few)), 0);
  assert.equal(failures(judgeOpen({ ...result, idleBytes: both(0), usedBytes: both(27 * MIB) }, few)), 2);
});

const fewDescriptors: FewDescriptors = {
  opened: { opened: 120, refused: { closed: 30, "socks 1": 50, ECONNRESET: 100 } },
  echoed: { echoes: 400, lost: 0, open: 120, p50Ms: 1, p99Ms: 1 },
  again: { opened: 60, refused: {} },
};

test("judgeFew() wants some refused in good order, the others alive, and as many later", () => {
  assert.equal(failures(judgeFew(fewDescriptors, 150)), 0);
  const { opened, echoed } = fewDescriptors;
  for (const worse of [
    { opened: { ...opened, refused: { closed: 179, "socks 0": 1 } } },
    { opened: { ...opened, refused: { closed: 179 } } },
    { echoed: { ...echoed, lost: 1 } },
    { echoed: { ...echoed, echoes: 100 } },
    { again: { opened: 59, refused: { closed: 1 } } },
  ])
    assert.equal(failures(judgeFew({ ...fewDescriptors, ...worse }, 150)), 1, JSON.stringify(worse));
  const none: FewDescriptors = {
    ...fewDescriptors,
    opened: { opened: 300, refused: {} },
    again: { opened: 150, refused: {} },
  };
  assert.equal(failures(judgeFew(none, 150)), 1);
});

const stalled: Stalled = {
  alone: { bytesPerS: 10_000_000, leastBytesPerS: 100_000 },
  beside: { bytesPerS: 9_000_000, leastBytesPerS: 50_000 },
  lost: 0,
  grownBytes: both(192 * MIB),
};

test("judgeStalled() wants nine tenths of the rate, half a share for each, and memory within its bounds", () => {
  const how = { direction: "down", stalled: 100, workers: 100, forMs: 1 } as const;
  assert.equal(failures(judgeStalled(stalled, how)), 0);
  for (const worse of [
    { beside: { bytesPerS: 8_999_999, leastBytesPerS: 50_000 } },
    { beside: { bytesPerS: 9_000_000, leastBytesPerS: 49_999 } },
    { lost: 1 },
    { grownBytes: { client: 0, agent: 192 * MIB + 1 } },
  ])
    assert.equal(failures(judgeStalled({ ...stalled, ...worse }, how)), 1, JSON.stringify(worse));
});
