import assert from "node:assert/strict";
import { test } from "node:test";
import { linkChart } from "../../../bench/link-chart.ts";
import { congestionText } from "../../../bench/link-page.ts";
import { SSH_SAME_CIPHER } from "../../../bench/link-peers.ts";
import { formatGrid } from "../../../bench/link-report.ts";
import type { LinkResults, Measurement } from "../../../bench/link-results.ts";
import { judge } from "../../../bench/link-verdict.ts";
import { OURS } from "../../../bench/peers.ts";

const GOOD = "40ms 50mbit 10bdp up 0%";
const BAD = "200ms 50mbit 1bdp both 0.1%";

function measured(cell: string, peer: string, rate: number, p95Ms: number): Measurement {
  const echo = { p50Ms: p95Ms, p95Ms, p99Ms: p95Ms, samples: 1 };
  return { cell, peer, round: 1, figures: { rates: { up: rate }, idleMs: 1, echo, others: 0 } };
}

const MEASUREMENTS = [
  measured(GOOD, OURS, 48, 50),
  measured(GOOD, SSH_SAME_CIPHER, 48, 500),
  measured(GOOD, "sshuttle", 6, 90),
  measured(BAD, OURS, 10, 900),
  measured(BAD, SSH_SAME_CIPHER, 40, 500),
];
const EXCEPTIONS = { [BAD]: "a reason <that> is known" };
const SUMMARY = judge(MEASUREMENTS, EXCEPTIONS);

test("the chart is one well-formed picture, with a mark in both panels for each peer of each cell", () => {
  const svg = linkChart(SUMMARY, "cubic");
  const open: string[] = [];
  for (const [, end, name = "", attributes = ""] of svg.matchAll(/<(\/?)(\w+)([^>]*)>/g)) {
    if (end !== "") assert.equal(open.pop(), name);
    else if (!attributes.endsWith("/")) open.push(name);
  }
  assert.deepEqual(open, []);
  const legend = 6;
  assert.equal([...svg.matchAll(/<use /g)].length, legend + 2 * MEASUREMENTS.length);
  assert.match(svg, /prefers-color-scheme: dark/);
  assert.match(svg, /holds in 1 of 2 cells/);
});

test("only a cell that fails is marked in the chart", () => {
  const labels = [...linkChart(SUMMARY, "bbr").matchAll(/<text [^>]*class="fails"[^>]*>([^<]*)</g)];
  assert.deepEqual(
    labels.map(([, label]) => label),
    ["1 BDP, both, 0.1 % lost ✕"],
  );
});

test("there is no chart of nothing", () => {
  assert.throws(() => linkChart(judge([], {}), "cubic"), RangeError);
});

test("the table for a terminal has ratios and, of what fails, the reason", () => {
  const text = formatGrid(SUMMARY);
  assert.match(
    text,
    /^40ms 50mbit 10bdp up 0% .*48\.0 \(× 1\.00\): .* 6\.0 \(× 8\.00\): 90\/90\/90 +holds$/m,
  );
  assert.match(text, /holds in 1 of 2 cells: 50\.0 %/);
  assert.match(text, /^ {2}200ms .* × 0\.25, echo p95 900\.0 ms of 300\.0: a reason <that> is known$/m);
});

test("the page has every cell, the exceptions, the other parts and the machine", () => {
  const machine = { cores: 2, kernel: "6.18" } as LinkResults["machine"];
  const part = {
    machine,
    result: { title: "A part", table: [["name"], ["row"]], checks: [{ fact: "it is so", holds: false }] },
  };
  const grid = { congestion: "cubic", machine, measurements: MEASUREMENTS } as const;
  const page = congestionText({ congestion: "cubic", grid, parts: [part], exceptions: EXCEPTIONS });
  assert.match(page, /cores: 2 · kernel: 6\.18/);
  assert.match(page, /link-grid-cubic\.svg/);
  assert.match(page, /### A part[^]*- FAILS: it is so/);
  assert.equal(page.split(`| ${GOOD} |`).length, 2, "once in the table of all");
  assert.equal(page.split(`| ${BAD} |`).length, 3, "and once among the exceptions");
  const empty = { congestion: "bbr", grid: undefined, parts: [], exceptions: {} } as const;
  assert.equal(congestionText(empty), "Not measured yet.");
});
