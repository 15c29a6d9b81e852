/**
 * Bulk and key strokes at the same time, over an emulated link: ours against its peers, cell by cell of a grid.
 *
 * Each peer has the link to itself, one after the other within a cell. The first seconds are left out: what counts is
 * what holds once a bulk transfer has been going for a while.
 */
import { EmulatedLink } from "../test/lab/emulated-link.ts";
import type { LinkSettings } from "../test/lab/emulated-link.ts";
import { PROJECT_IN_LAB } from "../test/lab/keeper.ts";
import { createLab } from "../test/lab/lab.ts";
import type { Lab } from "../test/lab/lab.ts";
import type { EchoTimes } from "./echo-times.ts";
import { iperf } from "./iperf.ts";
import type { Direction } from "./iperf.ts";
import { BENCH_PORT, startPeer } from "./peers.ts";
import type { PeerDefinition } from "./peers.ts";

export interface LinkCell extends LinkSettings {
  readonly direction: Direction;
}

export interface CellResult {
  readonly peer: string;
  readonly mbitPerS: number;
  /** Of an echo on the idle link through this peer, ms. */
  readonly idleMs: number;
  /** Of the echo beside the bulk, ms. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** Of a bulk transfer, before it counts. */
export const WARMUP_SECONDS = 5;
const IDLE_SECONDS = 1;
const ECHO_EVERY_MS = 25;

/** One cell for one peer. */
export async function measureCell(
  lab: Lab,
  peer: PeerDefinition,
  cell: LinkCell,
  seconds: number,
): Promise<CellResult> {
  const link = await EmulatedLink.open(lab, cell);
  const child = await startPeer(lab, peer, "server-by-link");
  try {
    const idle = await echoTimes(lab, peer, IDLE_SECONDS);
    const [mbitPerS, times] = await Promise.all([
      iperf(lab, peer.endpoint(BENCH_PORT.iperf), cell.direction, seconds, WARMUP_SECONDS),
      echoTimes(lab, peer, WARMUP_SECONDS + seconds),
    ]);
    const beside = times.filter(([atMs]) => atMs >= WARMUP_SECONDS * 1000).map(([, tookMs]) => tookMs);
    return {
      peer: peer.name,
      mbitPerS,
      idleMs: percentile(
        idle.map(([, tookMs]) => tookMs),
        0.5,
      ),
      p50Ms: percentile(beside, 0.5),
      p95Ms: percentile(beside, 0.95),
      p99Ms: percentile(beside, 0.99),
    };
  } finally {
    child?.kill("SIGTERM");
    await child?.end();
    await link.close();
  }
}

export async function withLinkLab<T>(use: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await createLab({ direct: true });
  try {
    return await use(lab);
  } finally {
    await lab.close();
  }
}

async function echoTimes(lab: Lab, peer: PeerDefinition, seconds: number): Promise<EchoTimes> {
  const { address, port } = peer.endpoint(BENCH_PORT.echo);
  const script = `${PROJECT_IN_LAB}/dist/bench/echo-times.js`;
  const line = await lab.client.shell(`node ${script} ${address} ${port} ${seconds} ${ECHO_EVERY_MS}`, {
    timeoutMs: (seconds + 30) * 1000,
  });
  return JSON.parse(line) as EchoTimes;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
