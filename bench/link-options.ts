/** The command line of `npm run bench:link`. */
import { parseArgs } from "node:util";
import { UsageError } from "../client/errors.ts";
import type { Timing } from "./link.ts";
import type { Congestion } from "./link-bed.ts";
import { DIRECTIONS } from "./link-cells.ts";
import type { GridSlice } from "./link-cells.ts";
import { LINK_PEERS } from "./link-peers.ts";
import type { PeerDefinition } from "./peers.ts";

export const PARTS = ["grid", "sixty", "steps", "sparse", "short"] as const;
export type Part = (typeof PARTS)[number];

export interface LinkOptions {
  readonly parts: readonly Part[];
  readonly congestions: readonly Congestion[];
  readonly slice: GridSlice;
  /** As on the command line; undefined: each part's own choice. */
  readonly peers: readonly PeerDefinition[] | undefined;
  readonly timing: Timing;
  readonly rounds: number;
  /** Cells that are measured side by side; undefined: by their rate. */
  readonly jobs: number | undefined;
  readonly resume: boolean;
  /** Where results are kept. */
  readonly directory: string | undefined;
  readonly writeDocs: boolean;
}

const USAGE = `npm run bench:link [-- OPTION…]; of each option that names values there may be several
  --part ${PARTS.join("|")}
  --congestion cubic|bbr
  --rtt MS  --rate MBIT|unlimited  --queue BDP  --direction ${DIRECTIONS.join("|")}  --loss PERCENT
  --peer NAME, of ${LINK_PEERS.map(({ name }) => `"${name}"`).join(", ")}
  --seconds N  --warmup N  --rounds N  --jobs N  --resume  --results DIRECTORY  --write-docs`;

/** @throws UsageError for what is no option, or no value of it. */
export function parseLinkOptions(args: readonly string[]): LinkOptions {
  const { values } = parse(args);
  return {
    parts: choose("part", PARTS, values.part, PARTS),
    congestions: choose("congestion", ["cubic", "bbr"], values.congestion, ["cubic"]),
    slice: {
      rttMs: values.rtt.map((text) => positive("rtt", text)),
      mbitPerS: values.rate.map((text) => (text === "unlimited" ? Infinity : positive("rate", text))),
      queueBdp: values.queue.map((text) => positive("queue", text)),
      direction: choose("direction", DIRECTIONS, values.direction, []),
      loss: values.loss.map((text) => (text === "0" ? 0 : positive("loss", text) / 100)),
    },
    peers: values.peer.length === 0 ? undefined : values.peer.map(findPeer),
    timing: {
      warmupSeconds: positive("warmup", values.warmup),
      seconds: positive("seconds", values.seconds),
    },
    rounds: positive("rounds", values.rounds),
    jobs: values.jobs === undefined ? undefined : positive("jobs", values.jobs),
    resume: values.resume,
    directory: values.results,
    writeDocs: values["write-docs"],
  };
}

function parse(args: readonly string[]) {
  const many = { type: "string", multiple: true, default: [] as string[] } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        part: many,
        congestion: many,
        rtt: many,
        rate: many,
        queue: many,
        direction: many,
        loss: many,
        peer: many,
        seconds: { type: "string", default: "5" },
        warmup: { type: "string", default: "5" },
        rounds: { type: "string", default: "1" },
        jobs: { type: "string" },
        resume: { type: "boolean", default: false },
        results: { type: "string" },
        "write-docs": { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), USAGE);
  }
}

function choose<T extends string>(
  option: string,
  allowed: readonly T[],
  wanted: readonly string[],
  otherwise: readonly T[],
): readonly T[] {
  const unknown = wanted.find((word) => !allowed.some((each) => each === word));
  if (unknown !== undefined) {
    throw new UsageError(`Cannot take --${option} "${unknown}": there are ${allowed.join(", ")}`, USAGE);
  }
  return wanted.length === 0 ? otherwise : allowed.filter((each) => wanted.includes(each));
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`Cannot take --${option} "${text}": not a number above 0`, USAGE);
  return value;
}

function findPeer(name: string): PeerDefinition {
  const peer = LINK_PEERS.find((each) => each.name === name);
  if (peer === undefined) throw new UsageError(`Cannot take --peer "${name}": no such peer`, USAGE);
  return peer;
}
