/** A minute over 40 ms and 50 Mbit/s with a queue of 10 bandwidth-delay products: the full rate, and no key stroke waits. */
import { slower } from "./bulk.ts";
import { underLoad } from "./link.ts";
import type { Figures } from "./link.ts";
import { cellName, linkSettings } from "./link-cells.ts";
import { LINK_PEERS } from "./link-peers.ts";
import { show } from "./link-parts.ts";
import type { Check, MeasurePart } from "./link-parts.ts";
import { OURS } from "./peers.ts";

const LINK = { rttMs: 40, mbitPerS: 50, queueBdp: 10, loss: 0 } as const;
const LEAST_MBIT = 45;
const HEADROOM_MS = 20;
/** From the start of the bulk, before it counts. */
const SETTLED_SECONDS = 5;
const SECONDS = 60;
/** Of the stretch that is looked at by itself, for the worst of them. */
const STRETCH_SECONDS = 5;

export const measureSixty: MeasurePart = async (bed, { peers, log }) => {
  const table = [["link and peer", "Mbit/s", "idle ms", "p50", "p95", "p99", "worst 5 s: Mbit/s", "p95"]];
  const checks: Check[] = [];
  for (const direction of ["up", "down"] as const) {
    for (const peer of peers ?? LINK_PEERS.filter(({ name }) => name === OURS)) {
      const cell = { ...LINK, direction };
      const end = SETTLED_SECONDS + SECONDS;
      const loaded = await underLoad(bed, peer, { link: linkSettings(cell, 1), direction, seconds: end });
      const all = loaded.figures(SETTLED_SECONDS, end);
      const stretches: Figures[] = [];
      for (let from = SETTLED_SECONDS; from < end; from += STRETCH_SECONDS) {
        stretches.push(loaded.figures(from, from + STRETCH_SECONDS));
      }
      const rate = slower(all.rates);
      const { p50Ms, p95Ms, p99Ms } = all.echo;
      const worstRate = Math.min(...stretches.map(({ rates }) => slower(rates)));
      const worstP95 = Math.max(...stretches.map(({ echo }) => echo.p95Ms));
      const figures = [rate, loaded.idleMs, p50Ms, p95Ms, p99Ms, worstRate, worstP95];
      table.push([`${cellName(cell)}: ${peer.name}`, ...figures.map(show)]);
      log(table.at(-1)?.join("  ") ?? "");
      if (peer.name !== OURS) continue;
      const boundMs = Math.max(LINK.rttMs, loaded.idleMs) + HEADROOM_MS;
      checks.push(
        { fact: `${direction}: ${show(rate)} Mbit/s, at least ${LEAST_MBIT}`, holds: rate >= LEAST_MBIT },
        {
          fact: `${direction}: echo p95 ${show(p95Ms)} ms, at most ${show(boundMs)}`,
          holds: p95Ms <= boundMs,
        },
      );
    }
  }
  const title = `${SECONDS} s of bulk, from ${SETTLED_SECONDS} s after its start`;
  return { title, table, checks };
};
