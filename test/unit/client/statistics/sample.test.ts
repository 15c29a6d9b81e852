import assert from "node:assert/strict";
import { test } from "node:test";
import { ResetCode } from "../../../../agent-src/wire/codes.ts";
import type { LinkStats } from "../../../../agent-src/wire/stats.ts";
import { ChannelCounts } from "../../../../client/statistics/channel-counts.ts";
import { makeSample } from "../../../../client/statistics/sample.ts";
import { formatBytes, formatRate, formatSample } from "../../../../client/statistics/sample-text.ts";

const NEAR: LinkStats = {
  sentBytes: 64_172_851,
  ackedBytes: 63_936_000,
  receivedBytes: 1_300_000_000,
  capBytes: 266_240,
  queuedBytes: 131_072,
  bytesPerS: 6_225_000,
  minRttMs: 40.234,
  control: "cruise",
  connections: 3,
};
const FAR: LinkStats = {
  ...NEAR,
  sentBytes: 1_300_100_000,
  ackedBytes: 1_299_990_000,
  receivedBytes: 64_000_000,
  queuedBytes: 0,
  control: "up",
};
const MOMENT = { time: new Date("2026-11-30T09:30:00.5Z"), elapsedMs: 62_013.4, reason: "signal" } as const;

function counts(): ChannelCounts {
  const some = new ChannelCounts();
  some.opened = 120;
  for (const code of [ResetCode.Refused, ResetCode.TimedOut, ResetCode.Refused]) some.countReset(code);
  return some;
}

test("makeSample() has each direction's figures from its sender, and what was received from the other end", () => {
  assert.deepEqual(makeSample({ near: NEAR, far: FAR }, counts(), MOMENT), {
    time: "2026-11-30T09:30:00.500Z",
    elapsedMs: 62_013,
    reason: "signal",
    up: {
      sentBytes: 64_172_851,
      ackedBytes: 63_936_000,
      receivedBytes: 64_000_000,
      flightBytes: 236_851,
      capBytes: 266_240,
      queuedBytes: 131_072,
      bytesPerS: 6_225_000,
      minRttMs: 40.234,
      control: "cruise",
    },
    down: {
      sentBytes: 1_300_100_000,
      ackedBytes: 1_299_990_000,
      receivedBytes: 1_300_000_000,
      flightBytes: 110_000,
      capBytes: 266_240,
      queuedBytes: 0,
      bytesPerS: 6_225_000,
      minRttMs: 40.234,
      control: "up",
    },
    connections: { open: 3, opened: 120, resets: { refused: 2, "timed out": 1 } },
  });
});

test("makeSample() keeps what is known without the far side, and says nothing of a flight that is ssh's", () => {
  const alone = makeSample({ near: NEAR, far: undefined }, counts(), MOMENT);
  assert.equal(alone.up.receivedBytes, null);
  assert.equal(alone.down.receivedBytes, 1_300_000_000);
  assert.deepEqual(
    Object.entries(alone.down).filter(([name, value]) => name !== "receivedBytes" && value !== null),
    [],
  );
  const forwarding = makeSample({ near: NEAR, far: FAR, isForwarding: true }, counts(), MOMENT);
  assert.deepEqual([forwarding.up.flightBytes, forwarding.up.capBytes], [null, null]);
  assert.equal(forwarding.down.sentBytes, 1_300_100_000);
});

test("formatSample() is a block with a column each way", () => {
  assert.equal(
    formatSample(makeSample({ near: NEAR, far: FAR }, counts(), MOMENT)),
    `statistics after 1 min 2 s             up         down
  rate, estimated             49.8 Mbit/s  49.8 Mbit/s
  least round trip                40.2 ms      40.2 ms
  in flight                       231 KiB      107 KiB
  in flight at most               260 KiB      260 KiB
  waiting to be sent              128 KiB          0 B
  sent                           61.2 MiB     1.21 GiB
  acknowledged                   61.0 MiB     1.21 GiB
  received                       61.0 MiB     1.21 GiB
  control                          cruise           up
  connections: 3 open, 120 opened in all, 3 reset (2 refused, 1 timed out)`,
  );
});

test("formatSample() says of a far side that does not answer that it is not known", () => {
  const text = formatSample(makeSample({ near: NEAR, far: undefined }, new ChannelCounts(), MOMENT));
  assert.match(text, /^  sent +61\.2 MiB +-$/m);
  assert.match(text, /^  received +- +1\.21 GiB$/m);
  assert.match(text, /^  control +cruise +not known$/m);
  assert.match(text, /^  connections: 3 open, 0 opened in all, 0 reset$/m);
});

test("formatBytes() and formatRate() have three digits and a unit, whatever the size", () => {
  const bytes: readonly [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "0.98 KiB"],
    [1024, "1.00 KiB"],
    [10_240, "10.0 KiB"],
    [1_023_000, "999 KiB"],
    [1_023_700, "0.98 MiB"],
    [2 ** 53, "8192 TiB"],
  ];
  for (const [value, text] of bytes) assert.equal(formatBytes(value), text);
  const rates: readonly [number, string][] = [
    [0, "0 bit/s"],
    [100, "800 bit/s"],
    [125, "1.00 kbit/s"],
    [124_999, "1.00 Mbit/s"],
    [6_250_000, "50.0 Mbit/s"],
    [1_250_000_000, "10.0 Gbit/s"],
  ];
  for (const [value, text] of rates) assert.equal(formatRate(value), text);
});
