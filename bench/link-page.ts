/** The results of one congestion control as a part of docs/link-bench.md. */
import { markdownTable } from "../test/matrix/markdown-page.ts";
import type { Congestion } from "./link-bed.ts";
import { LINK_PEERS, SSH_SAME_CIPHER } from "./link-peers.ts";
import { formatCheck } from "./link-parts.ts";
import type { LinkResults, StoredPart } from "./link-results.ts";
import { formatSummary } from "./link-report.ts";
import type { Exceptions, Verdict } from "./link-verdict.ts";
import { judge } from "./link-verdict.ts";
import { OURS } from "./peers.ts";

export interface PageInput {
  readonly congestion: Congestion;
  readonly grid: LinkResults | undefined;
  readonly parts: readonly StoredPart[];
  readonly exceptions: Exceptions;
}

/** Markdown, from the machine down to the single cell. */
export function congestionText({ congestion, grid, parts, exceptions }: PageInput): string {
  const sections = parts.flatMap(({ result }) => [
    `### ${result.title}`,
    markdownTable(result.table),
    result.checks.map((check) => `- ${formatCheck(check)}`).join("\n"),
  ]);
  if (grid === undefined) return sections.length === 0 ? "Not measured yet." : sections.join("\n\n");
  const summary = judge(grid.measurements, exceptions);
  const failing = summary.verdicts.filter(({ outcome }) => outcome === "fails");
  return [
    Object.entries(grid.machine)
      .filter(([name]) => name !== "congestionControl")
      .map(([name, value]) => `${name}: ${value}`)
      .join(" · "),
    `![rates and echo times of every cell](link-grid-${congestion}.svg)`,
    `What is promised ${formatSummary(summary)}.`,
    ...(failing.length === 0 ? [] : ["### Cells in which it does not hold", exceptionsTable(failing)]),
    ...sections,
    "### All cells",
    "Mbit/s, of both directions the slower, and echo p50/p95/p99 in ms; × is ours to the peer's rate.",
    cellsTable(summary.verdicts),
  ].join("\n\n");
}

function exceptionsTable(failing: readonly Verdict[]): string {
  const rows = failing.map(({ name, rateRatio, peers, boundMs, reason }) => [
    name,
    ratio(rateRatio),
    `${peers.get(OURS)?.p95Ms.toFixed(1) ?? "–"} of ${boundMs.toFixed(1)}`,
    `${((peers.get(OURS)?.others ?? 0) * 100).toFixed(0)} %`,
    reason ?? "",
  ]);
  const head = [
    "cell",
    `rate, of ${SSH_SAME_CIPHER}`,
    "echo p95 ms",
    "others had of the processors",
    "reason",
  ];
  return markdownTable([head, ...rows]);
}

function cellsTable(verdicts: readonly Verdict[]): string {
  const names = LINK_PEERS.map(({ name }) => name).filter((name) =>
    verdicts.some(({ peers }) => peers.has(name)),
  );
  const rows = verdicts.map((verdict) => [
    verdict.name,
    verdict.outcome,
    verdict.boundMs.toFixed(0),
    ...names.map((name) => peerCell(verdict, name)),
  ]);
  return markdownTable([["cell", "", "echo bound ms", ...names], ...rows]);
}

function peerCell({ peers }: Verdict, name: string): string {
  const [figures, ours] = [peers.get(name), peers.get(OURS)];
  if (figures === undefined) return "–";
  const { mbitPerS, p50Ms, p95Ms, p99Ms } = figures;
  const times = [p50Ms, p95Ms, p99Ms].map((ms) => ms.toFixed(0)).join("/");
  const beside = name === OURS || ours === undefined ? "" : ` × ${ratio(ours.mbitPerS / mbitPerS)}`;
  return `${mbitPerS.toFixed(1)}${beside}, ${times}`;
}

function ratio(value: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(2);
}
