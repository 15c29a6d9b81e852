/**
 * The grid as a picture: a row for each cell, on the left the rates relative to `ssh -L` with the same cipher, on the
 * right how much longer than the idle round trip an echo takes beside the bulk. What is promised ends where the ground
 * is tinted.
 */
import type { Congestion } from "./link-bed.ts";
import { NO_TUNNEL, SSH_SAME_CIPHER } from "./link-peers.ts";
import { LEAST_RATE_RATIO, echoBoundMs } from "./link-verdict.ts";
import type { Summary, Verdict } from "./link-verdict.ts";
import { OURS } from "./peers.ts";
import { element, escapeText, place } from "./svg.ts";
import type { LogScale } from "./svg.ts";

const WIDTH = 960;
const TOP = 118;
const ROW = 10;
const GROUP_GAP = 20;
const LABEL_END = 196;

const RATE: LogScale = { min: 0.01, max: 3, from: 214, to: 566 };
const ECHO: LogScale = { min: 1, max: 10_000, from: 594, to: 946 };
const RATE_TICKS = [0.01, 0.03, 0.1, 0.3, 1, 3];
const ECHO_TICKS = [1, 10, 100, 1000, 10_000];

/** In the order in which they are drawn: ours lies on top. */
const MARKS = [
  { id: "n", peer: NO_TUNNEL, style: "none", shape: "tick" },
  { id: "l", peer: "sshuttle --no-latency-control", style: "sshuttle hollow", shape: "diamond" },
  { id: "s", peer: "sshuttle", style: "sshuttle", shape: "diamond" },
  { id: "d", peer: "ssh -L", style: "ssh hollow", shape: "square" },
  { id: "c", peer: SSH_SAME_CIPHER, style: "ssh", shape: "square" },
  { id: "o", peer: OURS, style: "ours", shape: "circle" },
] as const;

const STYLE = `
text { font: 8.5px system-ui, "DejaVu Sans", sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 } .note { font-size: 11px; fill: #57606a }
.group { font-size: 11px; font-weight: 600 } .axis { fill: #57606a } .head { font-size: 11px; font-weight: 600 }
.ground { fill: #ffffff } .beyond { fill: #cf222e; opacity: .09 } .grid { stroke: #d0d7de; stroke-width: 1 }
.even { stroke: #57606a; stroke-width: 1 } .row { stroke: #eaeef2; stroke-width: 1 }
.ours { fill: #0969da; stroke: #0969da } .ssh { fill: #6e7781; stroke: #6e7781 }
.sshuttle { fill: #bc4c00; stroke: #bc4c00 } .none { stroke: #8c959f; stroke-width: 1.5 }
.hollow { fill: none } .fails { fill: #cf222e; font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .note, .axis { fill: #9198a1 } .ground { fill: #0d1117 }
.beyond { fill: #f85149; opacity: .16 } .grid { stroke: #30363d } .even { stroke: #9198a1 } .row { stroke: #1c2128 }
.ours { fill: #58a6ff; stroke: #58a6ff } .ssh { fill: #adb5be; stroke: #adb5be }
.sshuttle { fill: #f0883e; stroke: #f0883e } .none { stroke: #6e7681 } .hollow { fill: none } .fails { fill: #ff7b72 }
}`;

/** @throws RangeError for a grid without a single cell. */
export function linkChart({ verdicts, judged, holding }: Summary, congestion: Congestion): string {
  if (verdicts.length === 0) throw new RangeError("Cannot draw a grid without cells");
  const groups = groupCells(verdicts);
  const heights = groups.map(({ rows }) => GROUP_GAP + rows.length * ROW);
  const bottom = TOP + heights.reduce((sum, height) => sum + height, 0);
  const height = bottom + 30;
  const parts = groups.map((group, index) => {
    const top = TOP + heights.slice(0, index).reduce((sum, each) => sum + each, 0);
    return drawGroup(group, top);
  });
  const title = `Bulk and key strokes over one link, ${congestion}: what is promised holds in ${holding} of ${judged} cells`;
  return `${element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${WIDTH} ${height}`,
      width: WIDTH,
      height,
      role: "img",
    },
    element("title", {}, escapeText(title)),
    element("style", {}, STYLE),
    element("defs", {}, ...MARKS.map(drawShape)),
    element("rect", { class: "ground", width: WIDTH, height }),
    text(14, 26, title, "title"),
    legend(46),
    text(RATE.from, TOP - 28, `rate, of that of ${SSH_SAME_CIPHER}`, "head"),
    text(ECHO.from, TOP - 28, "echo p95 beside the bulk, ms over the idle round trip", "head"),
    ...axis(RATE, RATE_TICKS, (tick) => `× ${tick}`, bottom),
    ...axis(ECHO, ECHO_TICKS, (tick) => `+ ${tick.toLocaleString("en")}`, bottom),
    element("path", { class: "even", d: `M${place(RATE, 1).toFixed(1)} ${TOP - 6}V${bottom}` }),
    ...parts,
  )}\n`;
}

interface Group {
  readonly name: string;
  readonly rttMs: number;
  readonly rows: readonly Verdict[];
}

/** By length and rate, in the order in which they come. */
function groupCells(verdicts: readonly Verdict[]): Group[] {
  const groups = new Map<string, Verdict[]>();
  for (const verdict of verdicts) {
    const { rttMs, mbitPerS } = verdict.cell;
    const rate = mbitPerS === Infinity ? "unlimited" : `${mbitPerS} Mbit/s`;
    const name = `${rttMs} ms, ${rate}`;
    groups.set(name, [...(groups.get(name) ?? []), verdict]);
  }
  return [...groups].map(([name, rows]) => ({ name, rttMs: rows[0]?.cell.rttMs ?? 0, rows }));
}

function drawGroup({ name, rttMs, rows }: Group, top: number): string {
  const first = top + GROUP_GAP;
  const height = rows.length * ROW;
  const tooSlow = place(RATE, LEAST_RATE_RATIO);
  const tooLate = place(ECHO, echoBoundMs(rttMs) - rttMs);
  return element(
    "g",
    {},
    text(14, first - 5, name, "group"),
    element("rect", { class: "beyond", x: RATE.from, y: first, width: tooSlow - RATE.from, height }),
    element("rect", { class: "beyond", x: tooLate, y: first, width: ECHO.to - tooLate, height }),
    ...rows.map((verdict, index) => drawRow(verdict, first + (index + 0.5) * ROW)),
  );
}

function drawRow({ cell, outcome, peers, baseMs }: Verdict, y: number): string {
  const measure = peers.get(SSH_SAME_CIPHER)?.mbitPerS;
  const { queueBdp, direction, loss } = cell;
  const lost = loss === 0 ? "" : `, ${Number((loss * 100).toPrecision(3))} % lost`;
  const marks = MARKS.flatMap(({ peer, id }) => {
    const figures = peers.get(peer);
    if (figures === undefined) return [];
    return [
      measure === undefined ? "" : mark(id, place(RATE, figures.mbitPerS / measure), y),
      mark(id, place(ECHO, figures.p95Ms - baseMs), y),
    ];
  });
  return element(
    "g",
    {},
    element("path", {
      class: "row",
      d: `M${RATE.from} ${y.toFixed(1)}H${RATE.to}M${ECHO.from} ${y.toFixed(1)}H${ECHO.to}`,
    }),
    element(
      "text",
      {
        x: LABEL_END,
        y: y + 3,
        "text-anchor": "end",
        ...(outcome === "fails" ? { class: "fails" } : {}),
      },
      escapeText(`${queueBdp} BDP, ${direction}${lost}${outcome === "fails" ? " ✕" : ""}`),
    ),
    ...marks,
  );
}

function mark(id: string, x: number, y: number): string {
  return element("use", { href: `#${id}`, x, y });
}

function drawShape({ id, style, shape }: (typeof MARKS)[number]): string {
  switch (shape) {
    case "circle":
      return element("circle", { id, class: style, r: 3.6 });
    case "square":
      return element("rect", { id, class: style, x: -2.5, y: -2.5, width: 5, height: 5 });
    case "diamond":
      return element("path", { id, class: style, d: "M-3.6 0l3.6-3.6 3.6 3.6-3.6 3.6z" });
    case "tick":
      return element("path", { id, class: style, d: "M0-4v8" });
  }
}

function axis(
  scale: LogScale,
  ticks: readonly number[],
  label: (tick: number) => string,
  bottom: number,
): string[] {
  return ticks.flatMap((tick) => {
    const x = place(scale, tick);
    const anchor = tick === ticks[0] ? "start" : tick === ticks.at(-1) ? "end" : "middle";
    const at = (y: number): string =>
      element("text", { class: "axis", x, y, "text-anchor": anchor }, escapeText(label(tick)));
    return [
      element("path", { class: "grid", d: `M${x.toFixed(1)} ${TOP - 6}V${bottom}` }),
      at(TOP - 11),
      at(bottom + 14),
    ];
  });
}

function legend(y: number): string {
  let x = 20;
  const words = [...MARKS].toReversed().map(({ peer, id }) => {
    const item = mark(id, x, y) + text(x + 9, y + 4, peer, "note");
    // System fonts differ; six units a letter are enough for all.
    x += 34 + peer.length * 6;
    return item;
  });
  return words.join("") + text(14, y + 22, "tinted: less, or later, than promised", "note");
}

function text(x: number, y: number, words: string, style: string): string {
  return element("text", { x, y, class: style }, escapeText(words));
}
