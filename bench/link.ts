/**
 * Bulk and key strokes at the same time, over one link: a cell of the grid, for one peer.
 *
 * Each peer has the link to itself and starts anew for each cell. The first seconds are left out: what counts is
 * what holds once a bulk transfer has been going for a while.
 */
import { Bulk } from "./bulk.ts";
import type { Rates } from "./bulk.ts";
import { Strokes, echoEndpoint, quantiles } from "./echo.ts";
import type { Quantiles } from "./echo.ts";
import type { LinkBed } from "./link-bed.ts";
import { withPeer } from "./link-bed.ts";
import { isPlainCable, linkSettings } from "./link-cells.ts";
import type { LinkCell } from "./link-cells.ts";
import { BENCH_PORT } from "./peers.ts";
import type { PeerDefinition } from "./peers.ts";
import { percentile } from "./statistics.ts";

export interface Figures {
  /** Bulk, Mbit/s. */
  readonly rates: Rates;
  /** Of the echo before the bulk, ms. */
  readonly idleMs: number;
  /** Of the echo beside the bulk. */
  readonly echo: Quantiles;
  /** How late the timers of the echo were at the 95th percentile, ms: what a machine that is too busy adds to it. */
  readonly lateMs: number;
}

export interface Timing {
  /** Of the bulk transfer, before it counts. */
  readonly warmupSeconds: number;
  readonly seconds: number;
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
  const settings = isPlainCable(cell) ? undefined : linkSettings(cell, round);
  return await withPeer(bed, peer, settings, async () => {
    const strokes = await Strokes.start(bed.lab, echoEndpoint(peer));
    try {
      await strokes.pass(IDLE_MS + cell.rttMs);
      const bulkAtMs = Date.now();
      const allSeconds = warmupSeconds + seconds;
      const to = peer.endpoint(BENCH_PORT.iperf);
      const bulk = await Bulk.start(bed.lab, to, cell.direction, allSeconds + SPARE_SECONDS);
      try {
        await bulk.reach(allSeconds);
        const times = await strokes.stop();
        const fromMs = bulk.startedAtMs + warmupSeconds * 1000;
        return {
          rates: bulk.rates(warmupSeconds, allSeconds),
          idleMs: quantiles(times, 0, bulkAtMs).p50Ms,
          echo: quantiles(times, fromMs, fromMs + seconds * 1000),
          lateMs: percentile(times.lateMs, 0.95),
        };
      } finally {
        await bulk.stop();
      }
    } finally {
      await strokes.kill();
    }
  });
}
