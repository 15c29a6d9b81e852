/** A link whose rate and length change under way: within 5 s of each change all is as it should be on the new link. */
import type { LinkSettings } from "../test/lab/emulated-link.ts";
import type { Bulk } from "./bulk.ts";
import { slower } from "./bulk.ts";
import { underLoad } from "./link.ts";
import type { LinkBed, LinkPath } from "./link-bed.ts";
import { LINK_PEERS } from "./link-peers.ts";
import { show, tcpRate } from "./link-parts.ts";
import type { Check, MeasurePart } from "./link-parts.ts";
import { echoBoundMs } from "./link-verdict.ts";
import { OURS } from "./peers.ts";
import type { PeerDefinition } from "./peers.ts";

/** What a link is for a while. */
export interface Phase {
  readonly rttMs: number;
  readonly mbitPerS: number;
  readonly seconds: number;
}

export interface PhaseFigures extends Phase {
  readonly rate: number;
  readonly leastRate: number;
  readonly p95Ms: number;
  readonly boundMs: number;
  readonly others: number;
}

const PHASE_SECONDS = 20;
const RATE_STEPS: readonly Phase[] = [50, 10, 50].map((mbitPerS) => ({
  rttMs: 40,
  mbitPerS,
  seconds: PHASE_SECONDS,
}));
const LENGTH_STEPS: readonly Phase[] = [40, 120, 40].map((rttMs) => ({
  rttMs,
  mbitPerS: 50,
  seconds: PHASE_SECONDS,
}));
/** After a change, before it counts. */
const SETTLE_SECONDS = 5;
const LEAST_SHARE = 0.9;
/** 10 BDP of the first phase. It is the router's, and does not change with what comes behind it. */
const QUEUE_BYTES = 10 * 40 * 50 * 125;

/** The link of a phase, with the same queue as the others'. */
function phaseLink({ rttMs, mbitPerS }: Phase): LinkSettings {
  return { rttMs, mbitPerS, queueBdp: QUEUE_BYTES / (rttMs * mbitPerS * 125) };
}

/** Goes through the phases with a bulk transfer on. */
export async function measurePhases(
  bed: LinkBed,
  peer: PeerDefinition,
  direction: "up" | "down",
  phases: readonly Phase[],
): Promise<readonly PhaseFigures[]> {
  const [first, ...later] = phases;
  if (first === undefined) throw new RangeError("Cannot go through no phases");
  const ends = phases.map((_, index) =>
    phases.slice(0, index + 1).reduce((sum, { seconds }) => sum + seconds, 0),
  );
  const settings = { link: phaseLink(first), direction, seconds: ends.at(-1) ?? 0 };
  const loaded = await underLoad(bed, peer, settings, async (bulk: Bulk, path: LinkPath) => {
    for (const [index, phase] of later.entries()) {
      await bulk.reach(ends[index] ?? 0);
      path.set(phaseLink(phase));
    }
  });
  // What the ends themselves take is on top of every length.
  const ownMs = Math.max(0, loaded.idleMs - first.rttMs);
  return phases.map((phase, index) => {
    const { rates, echo, others } = loaded.figures((ends[index - 1] ?? 0) + SETTLE_SECONDS, ends[index] ?? 0);
    return {
      ...phase,
      rate: slower(rates),
      leastRate: LEAST_SHARE * tcpRate(phase.mbitPerS),
      p95Ms: echo.p95Ms,
      boundMs: echoBoundMs(phase.rttMs + ownMs),
      others,
    };
  });
}

export const measureSteps: MeasurePart = async (bed, { peers, log }) => {
  const table = [["phase", "Mbit/s", "least", "echo p95 ms", "most", ""]];
  const checks: Check[] = [];
  for (const steps of [RATE_STEPS, LENGTH_STEPS]) {
    for (const direction of ["up", "down"] as const) {
      for (const peer of peers ?? LINK_PEERS.filter(({ name }) => name === OURS)) {
        const figures = await measurePhases(bed, peer, direction, steps);
        const way = steps.map(({ rttMs, mbitPerS }) => `${mbitPerS}/${rttMs}`).join(" → ");
        for (const [index, { mbitPerS, rttMs, rate, leastRate, p95Ms, boundMs }] of figures.entries()) {
          const holds = rate >= leastRate && p95Ms <= boundMs;
          const name = `${way} ${direction}, ${index + 1}: ${mbitPerS} Mbit/s, ${rttMs} ms: ${peer.name}`;
          table.push([name, ...[rate, leastRate, p95Ms, boundMs].map(show), holds ? "holds" : "fails"]);
          log(table.at(-1)?.join("  ") ?? "");
          if (peer.name === OURS) {
            checks.push({ fact: `${name}: ${show(rate)} Mbit/s, echo p95 ${show(p95Ms)} ms`, holds });
          }
        }
      }
    }
  }
  const title = `Mbit/s and round trip change every ${PHASE_SECONDS} s; from ${SETTLE_SECONDS} s after each change`;
  return { title, table, checks };
};
