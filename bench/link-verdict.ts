/**
 * What is promised of a link, cell by cell: the rate of `ssh -L`, and key strokes that do not wait for the bulk.
 *
 *     rate ≥ 90 % of `ssh -L` with the same cipher, and echo p95 ≤ base + max(20 ms, base / 2)
 *
 * base is the round trip without load: what the link is said to take, or what the idle echo took if that is more. Of a
 * transfer both ways the slower direction counts. Of several rounds the median counts, figure by figure.
 */
import { slower } from "./bulk.ts";
import { GRID, cellName, cellsOf, matchesCell, measuredAs, parseCellName } from "./link-cells.ts";
import type { LinkCell } from "./link-cells.ts";
import { SSH_SAME_CIPHER } from "./link-peers.ts";
import type { Measurement } from "./link-results.ts";
import { OURS } from "./peers.ts";
import { summarise } from "./statistics.ts";

/** Of the cells in which the property has to hold. */
export const LEAST_SHARE = 0.9;
export const LEAST_RATE_RATIO = 0.9;
const HEADROOM_MS = 20;
const HEADROOM_SHARE = 0.5;

export const UNEXPLAINED = "unexplained";

/** What a human has found out about cells in which the property does not hold, by their names; `*` stands for any word. */
export type Exceptions = Readonly<Record<string, string>>;

/** The medians over all rounds of one peer in one cell. */
export interface Median {
  /** Of both directions the slower. */
  readonly mbitPerS: number;
  readonly idleMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly others: number;
  readonly rounds: number;
}

export interface Verdict {
  readonly cell: LinkCell;
  readonly name: string;
  /** Open: ours or its measure was not tried. */
  readonly outcome: "holds" | "fails" | "open";
  /** By name; who could not be measured is absent. */
  readonly peers: ReadonlyMap<string, Median>;
  readonly baseMs: number;
  readonly boundMs: number;
  /** Ours to that of `ssh -L` with the same cipher. */
  readonly rateRatio: number;
  /** Of one that fails: a human's words, what went wrong while it was measured, or UNEXPLAINED. */
  readonly reason?: string;
}

export interface Summary {
  readonly verdicts: readonly Verdict[];
  readonly holding: number;
  readonly judged: number;
  /** Of those judged; NaN of none. */
  readonly share: number;
}

/** Longest that an echo beside a bulk transfer may take, at the 95th percentile. */
export function echoBoundMs(baseMs: number): number {
  return baseMs + Math.max(HEADROOM_MS, HEADROOM_SHARE * baseMs);
}

/** Judges the cells of the grid, and others, as far as they were measured at all. */
export function judge(measurements: readonly Measurement[], exceptions: Exceptions): Summary {
  const byCell = groupBy(measurements, ({ cell }) => cell);
  const cells = [...cellsOf(GRID), ...[...byCell.keys()].map(parseCellName)];
  const byName = new Map(cells.map((cell) => [cellName(cell), cell]));
  const verdicts = [...byName].flatMap(([name, cell]) => {
    const own = byCell.get(cellName(measuredAs(cell)));
    return own === undefined ? [] : [judgeCell(name, cell, own, exceptions)];
  });
  const judged = verdicts.filter(({ outcome }) => outcome !== "open").length;
  const holding = verdicts.filter(({ outcome }) => outcome === "holds").length;
  return { verdicts, holding, judged, share: holding / judged };
}

function judgeCell(
  name: string,
  cell: LinkCell,
  own: readonly Measurement[],
  exceptions: Exceptions,
): Verdict {
  const byPeer = groupBy(own, ({ peer }) => peer);
  const peers = new Map<string, Median>();
  for (const [peer, rounds] of byPeer) {
    const median = medianOf(rounds);
    if (median !== undefined) peers.set(peer, median);
  }
  const [ours, measure] = [peers.get(OURS), peers.get(SSH_SAME_CIPHER)];
  const baseMs = Math.max(cell.rttMs, ours?.idleMs ?? 0);
  const boundMs = echoBoundMs(baseMs);
  const rateRatio = (ours?.mbitPerS ?? Number.NaN) / (measure?.mbitPerS ?? Number.NaN);
  const verdict = { cell, name, peers, baseMs, boundMs, rateRatio };
  if (!byPeer.has(OURS) || !byPeer.has(SSH_SAME_CIPHER)) return { ...verdict, outcome: "open" };
  if (rateRatio >= LEAST_RATE_RATIO && (ours?.p95Ms ?? Infinity) <= boundMs) {
    return { ...verdict, outcome: "holds" };
  }
  return { ...verdict, outcome: "fails", reason: reasonFor(name, own, peers, exceptions) };
}

function reasonFor(
  name: string,
  own: readonly Measurement[],
  peers: ReadonlyMap<string, Median>,
  exceptions: Exceptions,
): string {
  const known = Object.entries(exceptions).find(([pattern]) => matchesCell(pattern, name));
  const failed = own.find(({ peer, error }) => error !== undefined && !peers.has(peer));
  return known?.[1] ?? failed?.error?.split("\n")[0] ?? UNEXPLAINED;
}

function medianOf(rounds: readonly Measurement[]): Median | undefined {
  const all = rounds.flatMap(({ figures }) => (figures === undefined ? [] : [figures]));
  if (all.length === 0) return undefined;
  const middle = (pick: (figures: (typeof all)[number]) => number): number => summarise(all.map(pick)).median;
  return {
    mbitPerS: middle(({ rates }) => slower(rates)),
    idleMs: middle(({ idleMs }) => idleMs),
    p50Ms: middle(({ echo }) => echo.p50Ms),
    p95Ms: middle(({ echo }) => echo.p95Ms),
    p99Ms: middle(({ echo }) => echo.p99Ms),
    others: middle(({ others }) => others),
    rounds: all.length,
  };
}

function groupBy<T>(values: readonly T[], key: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group === undefined) groups.set(key(value), [value]);
    else group.push(value);
  }
  return groups;
}
