/** What a grid has shown, as text for a terminal. */
import type { Summary, Verdict } from "./link-verdict.ts";
import { LEAST_SHARE } from "./link-verdict.ts";
import { LINK_PEERS } from "./link-peers.ts";
import { OURS } from "./peers.ts";
import { formatTable } from "./statistics.ts";

const WORTH_TELLING = 0.1;

/** Every cell with every peer's rate and echo, ours to theirs, and then those in which the property does not hold. */
export function formatGrid(summary: Summary): string {
  const { verdicts } = summary;
  const peers = LINK_PEERS.map(({ name }) => name).filter((name) =>
    verdicts.some((verdict) => verdict.peers.has(name)),
  );
  const title = ["cell", "base", "bound", ...peers, ""];
  const rows = verdicts.map((verdict) => [
    verdict.name,
    verdict.baseMs.toFixed(1),
    verdict.boundMs.toFixed(1),
    ...peers.map((peer) => formatPeer(verdict, peer)),
    verdict.outcome,
  ]);
  return [
    "Mbit/s (ours × so much): echo p50/p95/p99 ms. Of both directions the slower.",
    formatTable([title, ...rows]),
    "",
    formatSummary(summary),
    ...verdicts
      .filter(({ outcome }) => outcome === "fails")
      .map(
        ({ name, rateRatio, peers: all, boundMs, reason }) =>
          `  ${name}${disturbed(all.get(OURS)?.others)}: rate × ${rateRatio.toFixed(2)}, echo p95 ${all.get(OURS)?.p95Ms.toFixed(1)} ms of ${boundMs.toFixed(1)}: ${reason}`,
      ),
  ].join("\n");
}

/** What others took is no excuse, but a reason to measure again. */
function disturbed(others: number = 0): string {
  return others < WORTH_TELLING ? "" : ` (others had ${(others * 100).toFixed(0)} % of the processors)`;
}

export function formatSummary({ judged, holding, share }: Summary): string {
  if (judged === 0) return "no cell was judged: that takes ours and ssh -L with the same cipher";
  return `holds in ${holding} of ${judged} cells: ${(share * 100).toFixed(1)} %, at least ${LEAST_SHARE * 100} % are promised`;
}

function formatPeer({ peers }: Verdict, name: string): string {
  const figures = peers.get(name);
  if (figures === undefined) return "–";
  const ours = peers.get(OURS);
  const ratio =
    ours === undefined || name === OURS ? "" : ` (× ${(ours.mbitPerS / figures.mbitPerS).toFixed(2)})`;
  const echo = [figures.p50Ms, figures.p95Ms, figures.p99Ms].map((ms) => ms.toFixed(0)).join("/");
  return `${figures.mbitPerS.toFixed(1)}${ratio}: ${echo}`;
}
