/** What is promised of many connections, held against what was measured. */
import { QUEUE_BYTES } from "../agent-src/wire/channel.ts";
import { MEMORY_BYTES } from "../agent-src/wire/receive-memory.ts";
import { ENDS, KEPT_SHARE } from "./channels.ts";
import type { FewDescriptors, OpenAtOnce, OpenAtOnceSettings, Stalled, StalledSettings } from "./channels.ts";

export interface Finding {
  /** With the figures. */
  readonly text: string;
  readonly holds: boolean;
}

/** Resident memory of a connection that is open, on either side. */
const CONNECTION_BYTES = 10_240;
/**
 * What a collector does or leaves makes this difference to the memory of a process, whatever was asked of it. From so many
 * connections on it is theirs that is seen.
 */
const NOISE_BYTES = 16_777_216;
const NOISELESS = 5000;
/** As many that are opened again take no more than the first, but for what allocators leave between. */
const AGAIN_SHARE = 1.25;
/** Of the echoes that were to be made: the load shares the cores with all that it measures. */
const ECHO_SHARE = 0.8;
/** Of the rate without those that stall. */
const RATE_SHARE = 0.9;
/** Of a fair share of that, for each. */
const LEAST_SHARE = 0.5;
/** How a connection is refused for which there is no descriptor: before anything came, or by the proxy's word. */
const REFUSALS: readonly string[] = ["closed", "ECONNRESET", "ECONNREFUSED", "socks 1"];

const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;
const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

export function judgeOpen(result: OpenAtOnce, { count, forMs, everyMs }: OpenAtOnceSettings): Finding[] {
  const { opened, echoed, idleBytes, usedBytes, leftBytes, leftDescriptors, againBytes } = result;
  const noise = count < NOISELESS ? NOISE_BYTES : 0;
  const wanted = (count * forMs) / everyMs;
  return [
    {
      text: `${opened.opened} of ${count} connections are open at once`,
      holds: opened.opened === count && echoed.open === count,
    },
    {
      text: `${echoed.echoes} echoes, p50 ${echoed.p50Ms.toFixed(1)} ms, p99 ${echoed.p99Ms.toFixed(1)} ms; ${echoed.lost} connections are lost`,
      holds: echoed.lost === 0 && echoed.echoes >= ECHO_SHARE * wanted,
    },
    ...ENDS.map((end) => ({
      text: `${end}: ${kib(idleBytes[end] / count)} of memory each, ${kib(usedBytes[end] / count)} after the echoes`,
      holds: Math.max(idleBytes[end], usedBytes[end]) <= CONNECTION_BYTES * count + noise,
    })),
    ...ENDS.map((end) => ({
      text: `${end}: ${mib(leftBytes[end])} of ${mib(usedBytes[end])} are left once all are closed, and ${leftDescriptors[end]} descriptors`,
      holds: leftDescriptors[end] <= 0 && leftBytes[end] <= KEPT_SHARE * usedBytes[end] + noise,
    })),
    ...ENDS.map((end) => ({
      text: `${end}: as many again take ${mib(againBytes[end])} in all`,
      holds: againBytes[end] <= AGAIN_SHARE * usedBytes[end] + noise,
    })),
  ];
}

export function judgeFew({ opened, echoed, again }: FewDescriptors, limit: number): Finding[] {
  const reasons = Object.entries(opened.refused);
  const refused = reasons.reduce((sum, [, times]) => sum + times, 0);
  const words = reasons.map(([reason, times]) => `${times} × ${reason}`).join(", ");
  return [
    {
      text: `${opened.opened} of ${2 * limit} connections are open with ${limit} descriptors; refused: ${words}`,
      holds:
        opened.opened >= limit / 2 &&
        opened.opened + refused === 2 * limit &&
        refused > 0 &&
        reasons.every(([reason]) => REFUSALS.includes(reason)),
    },
    {
      text: `${echoed.echoes} echoes on those, ${echoed.lost} lost`,
      holds: echoed.lost === 0 && echoed.echoes >= echoed.open,
    },
    {
      text: `${again.opened} are open again after all were closed`,
      holds: again.opened === Math.floor(opened.opened / 2),
    },
  ];
}

export function judgeStalled(result: Stalled, { stalled, workers }: StalledSettings): Finding[] {
  const { alone, beside, lost, grownBytes } = result;
  const fair = alone.bytesPerS / workers;
  return [
    {
      text: `${workers} keep ${percent(beside.bytesPerS / alone.bytesPerS)} of their rate beside ${stalled} that stall, each ${percent(beside.leastBytesPerS / fair)} of a fair share at least`,
      holds: beside.bytesPerS >= RATE_SHARE * alone.bytesPerS && beside.leastBytesPerS >= LEAST_SHARE * fair,
    },
    { text: `${lost} connections are lost`, holds: lost === 0 },
    ...ENDS.map((end) => ({
      text: `${end}: ${mib(grownBytes[end])} more memory`,
      holds: grownBytes[end] <= MEMORY_BYTES + QUEUE_BYTES,
    })),
  ];
}
