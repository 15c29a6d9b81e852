/**
 * Link control over a path in virtual time: whatever the rate and the length of the path, after a while it is used, and
 * little stands in its queue.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LinkControl } from "../../agent-src/wire/link-control.ts";
import { runBothWays, runPath } from "../pair/control-path.ts";
import type { Slice } from "../pair/control-path.ts";

/** Far above any path here: the control alone is to decide. */
const MAX_BYTES = 2 ** 40;
/** Nothing is cut shorter; on a slow link that is what must stand in the queue, a frame on its way and the next. */
const MIN_FRAME_BYTES = 512;

/** Evenly over orders of magnitude. */
const magnitude = (low: number, high: number): fc.Arbitrary<number> =>
  fc.double({ min: Math.log(low), max: Math.log(high), noNaN: true }).map(Math.exp);

/** Deterministic noise, 0 to 1. */
const noise = (seed: number, ms: number): number => {
  const x = Math.sin(seed + ms * 12.9898) * 43_758.5453;
  return x - Math.floor(x);
};

const paths = fc.record({
  /** 64 kbit/s to 10 Gbit/s, bytes per ms. */
  rate: magnitude(8, 1_250_000),
  rttMs: magnitude(1, 800),
  /** Of the round trip, 10 ms at most. */
  jitter: fc.constantFrom(0, 0.05, 0.2),
  /** A lost packet below: for a round trip the link delivers half, once in so many ms. */
  dipEveryMs: fc.constantFrom(0, 1000, 5000),
  seed: fc.integer({ min: 0, max: 1000 }),
});

test("in 30 s, or 60 round trips, a path carries 85 % and its queue holds at most a round trip and 20 ms", () => {
  fc.assert(
    fc.property(paths, ({ rate, rttMs, jitter, dipEveryMs, seed }) => {
      const control = new LinkControl({ maxBytes: MAX_BYTES, sentBytes: 0, ackedBytes: 0 });
      const forMs = Math.max(30_000, 60 * rttMs);
      const dipMs = Math.min(rttMs, dipEveryMs / 5);
      const now = (ms: number): number => (dipEveryMs > 0 && ms % dipEveryMs < dipMs ? rate / 2 : rate);
      const jitterMs = Math.min(10, jitter * rttMs);
      const slices = runPath(
        control,
        { rate: now, delayMs: () => rttMs / 2, jitterMs: (ms) => jitterMs * noise(seed, ms) },
        forMs,
      );
      const converged = slices.slice(Math.floor(slices.length / 2));
      const carried = converged.reduce((sum, { deliveredBytes }) => sum + deliveredBytes, 0);
      const could = converged.length * 1000 * rate * (1 - (dipEveryMs > 0 ? dipMs / dipEveryMs / 2 : 0));
      const share = carried / could;
      const queueMs =
        converged.reduce((sum, slice) => sum + slice.meanQueueMs * slice.deliveredBytes, 0) / carried;
      const mostMs = rttMs + 20 + (2 * MIN_FRAME_BYTES) / rate;
      assert.ok(share >= 0.85, `${(share * 100).toFixed(1)} % of what it could`);
      assert.ok(queueMs <= mostMs, `${queueMs.toFixed(1)} ms in the queue, ${mostMs.toFixed(1)} allowed`);
    }),
    { numRuns: 100 },
  );
});

/** Of what was possible, and how long it stood, ms: of the second half, by when all has settled. */
function secondHalf(
  slices: readonly Slice[],
  rate: number,
): { readonly share: number; readonly queueMs: number } {
  const half = slices.slice(slices.length >> 1);
  const carried = half.reduce((sum, { deliveredBytes }) => sum + deliveredBytes, 0);
  const queued = half.reduce((sum, slice) => sum + slice.meanQueueMs * slice.deliveredBytes, 0);
  return { share: carried / (half.length * 1000 * rate), queueMs: queued / carried };
}

test("bulk both ways: each direction carries 85 %, though its acknowledgements wait in the other's queue", () => {
  fc.assert(
    fc.property(paths, ({ rate, rttMs, jitter, seed }) => {
      const jitterMs = Math.min(10, jitter * rttMs);
      const make = (): LinkControl => new LinkControl({ maxBytes: MAX_BYTES, sentBytes: 0, ackedBytes: 0 });
      const directions = runBothWays(
        [make(), make()],
        { rate: () => rate, delayMs: () => rttMs / 2, jitterMs: (ms) => jitterMs * noise(seed, ms) },
        Math.max(30_000, 60 * rttMs),
      );
      for (const [name, slices] of [
        ["there", directions[0]],
        ["back", directions[1]],
      ] as const) {
        const { share, queueMs } = secondHalf(slices, rate);
        const mostMs = rttMs + 20 + (4 * MIN_FRAME_BYTES) / rate;
        assert.ok(share >= 0.85, `${name}: ${(share * 100).toFixed(1)} % of what it could`);
        assert.ok(
          queueMs <= mostMs,
          `${name}: ${queueMs.toFixed(1)} ms in the queue, ${mostMs.toFixed(1)} allowed`,
        );
      }
    }),
    { numRuns: 30 },
  );
});

const STEPS = {
  "50, 10 and again 50 Mbit/s": { rates: [6250, 1250, 6250], rtts: [40, 40, 40] },
  "round trips of 40, 120 and again 40 ms": { rates: [6250, 6250, 6250], rtts: [40, 120, 40] },
} as const;
const STEP_MS = 15_000;
const SETTLED_MS = 5000;

for (const [name, { rates, rtts }] of Object.entries(STEPS)) {
  test(`${name}: 5 s after each change the path is full and its queue short`, () => {
    const control = new LinkControl({ maxBytes: MAX_BYTES, sentBytes: 0, ackedBytes: 0 });
    const at = (list: readonly number[], ms: number): number =>
      list[Math.floor(ms / STEP_MS)] ?? list[2] ?? 0;
    const slices = runPath(
      control,
      { rate: (ms) => at(rates, ms), delayMs: (ms) => at(rtts, ms) / 2 },
      3 * STEP_MS - 1,
    );
    for (let startMs = 0; startMs < 3 * STEP_MS; startMs += STEP_MS) {
      const settled = slices.filter(
        ({ fromMs }) => fromMs >= startMs + SETTLED_MS && fromMs < startMs + STEP_MS,
      );
      const carried = settled.reduce((sum, { deliveredBytes }) => sum + deliveredBytes, 0);
      const share = carried / (settled.length * 1000 * at(rates, startMs));
      assert.ok(share > 0.9, `from ${startMs} ms: ${(share * 100).toFixed(1)} % of what it could`);
      for (const { fromMs, meanQueueMs } of settled)
        assert.ok(meanQueueMs <= 20, `at ${fromMs} ms: ${meanQueueMs.toFixed(1)} ms in the queue`);
    }
  });
}

test("after programs that were slow for a moment a short path is full again within 3 s", () => {
  for (const rttMs of [0.05, 0.5, 2, 5, 20]) {
    for (const rate of [1250, 12_500]) {
      const control = new LinkControl({ maxBytes: MAX_BYTES, sentBytes: 0, ackedBytes: 0 });
      // First little is asked and answered at once, so the shortest round trips hold no wait for an acknowledgement.
      const slices = runPath(
        control,
        {
          rate: (ms) => (ms > 2000 && ms < 2600 ? 50 : rate),
          delayMs: () => rttMs / 2,
          answers: (ms) => ms < 1000,
          wants: (ms) => ms > 1800 || ms % 200 < 10,
        },
        15_999,
      );
      for (const { fromMs, deliveredBytes } of slices.slice(6)) {
        const share = deliveredBytes / (1000 * rate);
        assert.ok(
          share > 0.9,
          `${rttMs} ms, from ${fromMs} ms: ${(share * 100).toFixed(1)} % of ${rate * 8} kbit/s`,
        );
      }
    }
  }
});

test("an app that sends little does not lower the estimate, and the link is full again at once", () => {
  const control = new LinkControl({ maxBytes: MAX_BYTES, sentBytes: 0, ackedBytes: 0 });
  const rate = 6250;
  // In each second, from the fifth to the twentieth, it has something to send in 20 ms only.
  const wants = (ms: number): boolean => ms < 5000 || ms > 20_000 || ms % 1000 < 20;
  const slices = runPath(control, { rate: () => rate, delayMs: () => 20, wants }, 22_999);
  const first = slices[21];
  assert.ok(
    first !== undefined && first.deliveredBytes > 0.85 * 1000 * rate,
    `${first?.deliveredBytes} bytes`,
  );
});
