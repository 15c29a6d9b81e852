/** Short connections over links without a limit: connect, 64 bytes and back, close; one and twenty at a time. */
import { PROJECT_IN_LAB } from "../test/lab/keeper.ts";
import type { LinkBed } from "./link-bed.ts";
import { withPeer } from "./link-bed.ts";
import { LINK_PEERS, SSH_SAME_CIPHER } from "./link-peers.ts";
import { show } from "./link-parts.ts";
import type { Check, MeasurePart } from "./link-parts.ts";
import type { LoadResult } from "./load.ts";
import { BENCH_PORT, OURS } from "./peers.ts";
import type { PeerDefinition } from "./peers.ts";
import { summarise } from "./statistics.ts";

const RTTS_MS = [1, 40] as const;
const WIDTHS = [1, 20] as const;
/** In turns, so that whatever else the machine does meets all; the median counts. */
const ROUNDS = 3;
const SECONDS = 3;
/** Of one connection on the long link: a round trip, and what programs and their wake-ups take. */
const longestMs = (rttMs: number): number => 1.15 * rttMs + 5;

export const measureShort: MeasurePart = async (bed, { peers, log }) => {
  const table = [["round trip, at a time: peer", "connections/s", "p50 ms", "p99 ms"]];
  const checks: Check[] = [];
  const chosen = peers ?? LINK_PEERS.filter(({ name }) => name === OURS || name === SSH_SAME_CIPHER);
  for (const rttMs of RTTS_MS) {
    const results = new Map(chosen.map(({ name }) => [name, WIDTHS.map((): LoadResult[] => [])]));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const peer of chosen) {
        const link = { rttMs, mbitPerS: Infinity, queueBdp: 1 };
        await withPeer(bed, peer, link, async () => {
          for (const [index, width] of WIDTHS.entries()) {
            results.get(peer.name)?.[index]?.push(await load(bed, peer, width));
          }
        });
        log(`${rttMs} ms: ${peer.name}: round ${round + 1} of ${ROUNDS}`);
      }
    }
    for (const [index, width] of WIDTHS.entries()) {
      const median = (name: string, key: "perSecond" | "p50Ms" | "p99Ms"): number => {
        const runs = results.get(name)?.[index]?.map((result) => result[key]) ?? [];
        return runs.length === 0 ? Number.NaN : summarise(runs).median;
      };
      for (const { name } of chosen) {
        const figures = (["perSecond", "p50Ms", "p99Ms"] as const).map((key) => show(median(name, key)));
        table.push([`${rttMs} ms, ${width}: ${name}`, ...figures]);
      }
      const [ours, measure] = [median(OURS, "perSecond"), median(SSH_SAME_CIPHER, "perSecond")];
      if (width === 20 && !Number.isNaN(ours / measure)) {
        const fact = `${rttMs} ms, ${width} at a time: ${show(ours)}/s, ${SSH_SAME_CIPHER} has ${show(measure)}`;
        checks.push({ fact, holds: ours >= measure });
      }
      const p50Ms = median(OURS, "p50Ms");
      if (width === 1 && rttMs === 40 && !Number.isNaN(p50Ms)) {
        const fact = `${rttMs} ms: one connection takes ${show(p50Ms)} ms, at most ${show(longestMs(rttMs))}`;
        checks.push({ fact, holds: p50Ms <= longestMs(rttMs) });
      }
    }
  }
  return { title: "Connect, echo of 64 bytes, close, on links without a limit", table, checks };
};

async function load({ lab }: LinkBed, peer: PeerDefinition, width: number): Promise<LoadResult> {
  const { address, port } = peer.endpoint(BENCH_PORT.echo);
  const script = `${PROJECT_IN_LAB}/dist/bench/load.js`;
  const line = await lab.client.shell(`node ${script} ${address} ${port} ${width} ${SECONDS}`, {
    timeoutMs: (SECONDS + 30) * 1000,
  });
  const result = JSON.parse(line) as LoadResult;
  if (result.failures > 0) throw new Error(`${result.failures} short connections by ${peer.name} failed`);
  return result;
}
