/**
 * Bulk and key strokes at the same time, over one link: a cell of the grid, for one peer.
 *
 * Each peer has the link to itself and starts anew for each cell. The first seconds are left out: what counts is
 * what holds once a bulk transfer has been going for a while.
 */
import { Bulk } from "./bulk.ts";
import type { Rates } from "./bulk.ts";
import { Strokes, quantiles } from "./echo.ts";
import type { Quantiles, StrokeSettings } from "./echo.ts";
import type { EchoTimes } from "./echo-times.ts";
import type { Direction } from "./iperf.ts";
import type { LinkBed, LinkPath } from "./link-bed.ts";
import { withPeer } from "./link-bed.ts";
import { isPlainCable, linkSettings } from "./link-cells.ts";
import type { LinkCell } from "./link-cells.ts";
import type { LinkSettings } from "../test/lab/emulated-link.ts";
import { OthersSince } from "./others.ts";
import { BENCH_PORT } from "./peers.ts";
import type { PeerDefinition } from "./peers.ts";

export interface Figures {
  /** Bulk, Mbit/s. */
  readonly rates: Rates;
  /** Of the echo before the bulk, ms. */
  readonly idleMs: number;
  /** Of the echo beside the bulk. */
  readonly echo: Quantiles;
  /** The part of the processors' time that others had meanwhile, 0 to 1. */
  readonly others: number;
}

export interface Timing {
  /** Of the bulk transfer, before it counts. */
  readonly warmupSeconds: number;
  readonly seconds: number;
}

export interface LoadSettings {
  /** Without it over the lab's plain cable. */
  readonly link: LinkSettings | undefined;
  readonly direction: Direction;
  readonly strokes?: StrokeSettings;
  /** Of the bulk. */
  readonly seconds: number;
}

/** What was seen of a load: the parts of it are chosen when it is over. */
export interface Loaded {
  readonly idleMs: number;
  /** Of the bulk's seconds from `from` on, and before `to`. */
  figures(from: number, to: number): Figures;
}

/** Twenty key strokes, and the time that the last of them takes. */
const IDLE_MS = 500;

/** A transfer ends long after it is stopped, so that iperf3 does not end it first. */
const SPARE_SECONDS = 60;

/** One cell for one peer. */
export async function measureCell(
  bed: LinkBed,
  peer: PeerDefinition,
  cell: LinkCell,
  { warmupSeconds, seconds }: Timing,
  round: number,
): Promise<Figures> {
  const link = isPlainCable(cell) ? undefined : linkSettings(cell, round);
  const all = warmupSeconds + seconds;
  const loaded = await underLoad(bed, peer, { link, direction: cell.direction, seconds: all });
  return loaded.figures(warmupSeconds, all);
}

/** A bulk transfer with key strokes before it and beside it. `during` may change the path as the seconds pass. */
export async function underLoad(
  bed: LinkBed,
  peer: PeerDefinition,
  { link, direction, strokes: wanted, seconds }: LoadSettings,
  during: (bulk: Bulk, path: LinkPath) => Promise<void> = async () => {},
): Promise<Loaded> {
  return await withPeer(bed, peer, link, async (path) => {
    const strokes = await Strokes.start(bed.lab, peer.endpoint(BENCH_PORT.echo), wanted);
    try {
      await strokes.pass(Math.max(IDLE_MS, wanted?.everyMs ?? 0) + (link?.rttMs ?? 0));
      const bulkAtMs = Date.now();
      const others = new OthersSince();
      const to = peer.endpoint(BENCH_PORT.iperf);
      const bulk = await Bulk.start(bed.lab, to, direction, seconds + SPARE_SECONDS);
      try {
        await during(bulk, path);
        await bulk.reach(seconds);
        return describe(bulk, bulkAtMs, await strokes.stop(), others.share());
      } finally {
        await bulk.stop();
      }
    } finally {
      await strokes.kill();
    }
  });
}

function describe(bulk: Bulk, bulkAtMs: number, times: EchoTimes, others: number): Loaded {
  const idleMs = quantiles(times, 0, bulkAtMs).p50Ms;
  return {
    idleMs,
    figures: (from, to) => ({
      rates: bulk.rates(from, to),
      idleMs,
      echo: quantiles(times, bulk.startedAtMs + from * 1000, bulk.startedAtMs + to * 1000),
      others,
    }),
  };
}
