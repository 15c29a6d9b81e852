/** What a part of the link's bench other than the grid has to show: a table, and facts that hold or do not. */
import type { Congestion, LinkBed } from "./link-bed.ts";
import type { PeerDefinition } from "./peers.ts";
import { formatTable } from "./statistics.ts";

export interface Check {
  /** With the figures that it is about. */
  readonly fact: string;
  readonly holds: boolean;
}

export interface PartResult {
  readonly title: string;
  /** The first row has the names of the columns. */
  readonly table: readonly (readonly string[])[];
  readonly checks: readonly Check[];
}

export interface PartSettings {
  /** As on the command line; undefined: the part's own choice. */
  readonly peers: readonly PeerDefinition[] | undefined;
  readonly log: (line: string) => void;
}

export type MeasurePart = (bed: LinkBed, settings: PartSettings) => Promise<PartResult>;

/** Bytes of TCP's payload in a packet of 1500: headers, and the time stamps that all have. */
const PAYLOAD_SHARE = 1448 / 1500;

/** Mbit/s of payload that TCP can have of a link that is told in bytes of packets. */
export function tcpRate(mbitPerS: number): number {
  return mbitPerS * PAYLOAD_SHARE;
}

export function formatPart({ title, table, checks }: PartResult, congestion: Congestion): string {
  return [`${title} (${congestion})`, formatTable(table), ...checks.map(formatCheck)].join("\n");
}

export function formatCheck({ fact, holds }: Check): string {
  return `${holds ? "holds" : "FAILS"}: ${fact}`;
}

export function show(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}
