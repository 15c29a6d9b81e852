/** The figures of one moment, by direction; docs/link.md explains each. A line of --stats-json is one sample. */
import type { ControlState } from "../../agent-src/wire/link-control.ts";
import type { LinkStats } from "../../agent-src/wire/stats.ts";
import { resetName } from "../intake/reset-log.ts";
import type { ChannelCounts } from "./channel-counts.ts";

/** What is known of the two halves of a link at one moment. */
export interface LinkFigures {
  readonly near: LinkStats;
  /** Undefined if the far side does not say. */
  readonly far: LinkStats | undefined;
  /** What carries the bytes is not ours: of cap and flight nothing is known. */
  readonly isForwarding?: boolean;
}

/** null is what is not known. */
export interface DirectionSample {
  readonly sentBytes: number | null;
  readonly ackedBytes: number | null;
  readonly receivedBytes: number | null;
  readonly flightBytes: number | null;
  readonly capBytes: number | null;
  readonly queuedBytes: number | null;
  readonly bytesPerS: number | null;
  readonly minRttMs: number | null;
  readonly control: ControlState | "none" | null;
}

export type SampleReason = "interval" | "signal" | "exit";

export interface Sample {
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Since the tunnel was connected. */
  readonly elapsedMs: number;
  readonly reason: SampleReason;
  readonly up: DirectionSample;
  readonly down: DirectionSample;
  readonly connections: {
    readonly open: number;
    readonly opened: number;
    /** By reason, in words. */
    readonly resets: Readonly<Record<string, number>>;
  };
}

export interface Moment {
  readonly time: Date;
  readonly elapsedMs: number;
  readonly reason: SampleReason;
}

export function makeSample(
  { near, far, isForwarding = false }: LinkFigures,
  counts: ChannelCounts,
  { time, elapsedMs, reason }: Moment,
): Sample {
  return {
    time: time.toISOString(),
    elapsedMs: Math.round(elapsedMs),
    reason,
    up: directionSample(near, far, isForwarding),
    down: directionSample(far, near, isForwarding),
    connections: {
      open: near.connections,
      opened: counts.opened,
      resets: Object.fromEntries([...counts.resets].map(([code, times]) => [resetName(code), times])),
    },
  };
}

function directionSample(
  sender: LinkStats | undefined,
  receiver: LinkStats | undefined,
  isForwarding: boolean,
): DirectionSample {
  const isLinkKnown = sender !== undefined && !isForwarding;
  return {
    sentBytes: sender?.sentBytes ?? null,
    ackedBytes: sender?.ackedBytes ?? null,
    receivedBytes: receiver?.receivedBytes ?? null,
    flightBytes: isLinkKnown ? sender.sentBytes - sender.ackedBytes : null,
    capBytes: isLinkKnown ? sender.capBytes : null,
    queuedBytes: sender?.queuedBytes ?? null,
    bytesPerS: sender?.bytesPerS ?? null,
    minRttMs: sender?.minRttMs ?? null,
    control: sender?.control ?? null,
  };
}
