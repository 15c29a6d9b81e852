/** A hundred connections with a key stroke now and then, and a bulk transfer beside them. */
import { slower } from "./bulk.ts";
import { underLoad } from "./link.ts";
import { cellName, linkSettings } from "./link-cells.ts";
import { LINK_PEERS, SSH_SAME_CIPHER } from "./link-peers.ts";
import { show } from "./link-parts.ts";
import type { Check, MeasurePart } from "./link-parts.ts";
import { LEAST_RATE_RATIO, echoBoundMs } from "./link-verdict.ts";
import { OURS } from "./peers.ts";

const LINK = { rttMs: 40, mbitPerS: 50, queueBdp: 10, loss: 0 } as const;
const STROKES = { connections: 100, everyMs: 1000 } as const;
const SETTLED_SECONDS = 5;
const SECONDS = 10;

export const measureSparse: MeasurePart = async (bed, { peers, log }) => {
  const table = [["link and peer", "Mbit/s", "idle ms", "p50", "p95", "p99"]];
  const checks: Check[] = [];
  const chosen = peers ?? LINK_PEERS.filter(({ name }) => name === OURS || name === SSH_SAME_CIPHER);
  for (const direction of ["up", "down"] as const) {
    const cell = { ...LINK, direction };
    const rates = new Map<string, number>();
    for (const peer of chosen) {
      const end = SETTLED_SECONDS + SECONDS;
      const settings = { link: linkSettings(cell, 1), direction, strokes: STROKES, seconds: end };
      const {
        idleMs,
        echo,
        rates: both,
      } = (await underLoad(bed, peer, settings)).figures(SETTLED_SECONDS, end);
      rates.set(peer.name, slower(both));
      const figures = [slower(both), idleMs, echo.p50Ms, echo.p95Ms, echo.p99Ms];
      table.push([`${cellName(cell)}: ${peer.name}`, ...figures.map(show)]);
      log(table.at(-1)?.join("  ") ?? "");
      if (peer.name !== OURS) continue;
      const boundMs = echoBoundMs(Math.max(LINK.rttMs, idleMs));
      const fact = `${direction}: echo p95 ${show(echo.p95Ms)} ms over all, at most ${show(boundMs)}`;
      checks.push({ fact, holds: echo.p95Ms <= boundMs });
    }
    const ratio = (rates.get(OURS) ?? Number.NaN) / (rates.get(SSH_SAME_CIPHER) ?? Number.NaN);
    if (Number.isNaN(ratio)) continue;
    const fact = `${direction}: the bulk has ${show(ratio)} of the rate of ${SSH_SAME_CIPHER}, at least ${LEAST_RATE_RATIO}`;
    checks.push({ fact, holds: ratio >= LEAST_RATE_RATIO });
  }
  const title = `1 bulk and ${STROKES.connections} sparse channels, each with an echo of 64 bytes every ${STROKES.everyMs} ms`;
  return { title, table, checks };
};
