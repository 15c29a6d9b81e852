/**
 * The grid of links that the tunnels are compared over, and the names of its cells.
 *
 * A cell's name is five words: `40ms 50mbit 10bdp up 0.1%`. It is what a result is kept under, so it says everything
 * that a cell is.
 */
import type { LinkSettings } from "../test/lab/emulated-link.ts";
import type { Direction } from "./iperf.ts";

export interface LinkCell {
  readonly rttMs: number;
  /** Infinity: no limit but what the machine can do. */
  readonly mbitPerS: number;
  readonly queueBdp: number;
  readonly direction: Direction;
  /** Share of packets, 0 to 1. */
  readonly loss: number;
}

/** What a run is limited to; empty: all of the grid. Values that are not in the grid are measured as well. */
export interface GridSlice {
  readonly rttMs: readonly number[];
  readonly mbitPerS: readonly number[];
  readonly queueBdp: readonly number[];
  readonly direction: readonly Direction[];
  readonly loss: readonly number[];
}

export const DIRECTIONS: readonly Direction[] = ["up", "down", "both"];

export const GRID: GridSlice = {
  rttMs: [1, 40, 200],
  mbitPerS: [10, 50, 200, Infinity],
  queueBdp: [1, 10],
  direction: DIRECTIONS,
  loss: [0, 0.001],
};

/** Every combination, the quick links last to change: neighbours in the list are neighbours in the grid. */
export function cellsOf(slice: GridSlice): LinkCell[] {
  const all = <K extends keyof GridSlice>(key: K): GridSlice[K] =>
    slice[key].length === 0 ? GRID[key] : slice[key];
  return all("rttMs").flatMap((rttMs) =>
    all("mbitPerS").flatMap((mbitPerS) =>
      all("queueBdp").flatMap((queueBdp) =>
        all("direction").flatMap((direction) =>
          all("loss").map((loss) => ({ rttMs, mbitPerS, queueBdp, direction, loss })),
        ),
      ),
    ),
  );
}

export function cellName({ rttMs, mbitPerS, queueBdp, direction, loss }: LinkCell): string {
  const rate = mbitPerS === Infinity ? "unlimited" : `${mbitPerS}mbit`;
  return `${rttMs}ms ${rate} ${queueBdp}bdp ${direction} ${percent(loss)}%`;
}

/** @throws RangeError for what is no name of a cell. */
export function parseCellName(name: string): LinkCell {
  const match = /^([\d.]+)ms (?:unlimited|([\d.]+)mbit) ([\d.]+)bdp (up|down|both) ([\d.]+)%$/.exec(name);
  const direction = DIRECTIONS.find((each) => each === match?.[4]);
  if (match === null || direction === undefined) throw new RangeError(`Cannot parse cell "${name}"`);
  return {
    rttMs: Number(match[1]),
    mbitPerS: match[2] === undefined ? Infinity : Number(match[2]),
    queueBdp: Number(match[3]),
    direction,
    loss: Number(match[5]) / 100,
  };
}

/** Whether a name, or one with `*` for some of its words, means that cell. */
export function matchesCell(pattern: string, name: string): boolean {
  const [wanted, words] = [pattern.split(" "), name.split(" ")];
  return (
    wanted.length === words.length && wanted.every((word, index) => word === "*" || word === words[index])
  );
}

/**
 * The cell that is measured for this one. A queue of so many times the rate is none where the rate has no limit: the
 * two are one measurement.
 */
export function measuredAs(cell: LinkCell): LinkCell {
  return cell.mbitPerS === Infinity ? { ...cell, queueBdp: GRID.queueBdp[0] ?? 1 } : cell;
}

/** Whether the lab's plain cable is such a link: it has no limit, and its round trip is far below 1 ms. */
export function isPlainCable({ rttMs, mbitPerS, loss }: LinkCell): boolean {
  return rttMs <= 1 && mbitPerS === Infinity && loss === 0;
}

/** The emulated link of a cell. Which packets are lost is the same for all who are measured in one round. */
export function linkSettings(cell: LinkCell, round: number): LinkSettings {
  const { rttMs, mbitPerS, queueBdp, loss } = cell;
  return { rttMs, mbitPerS, queueBdp, loss, seed: hash(`${cellName(cell)} ${round}`) };
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c_9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x0100_0193);
  return value >>> 0;
}

/** 0.001 to 0.1, without the dust of binary fractions. */
function percent(share: number): number {
  return Number((share * 100).toPrecision(6));
}
