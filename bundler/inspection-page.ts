/**
 * An inspection as one HTML page that needs nothing but itself: no script, no network, no font. Its
 * Content-Security-Policy admits the one style sheet that stands in it, by hash, and nothing else. Names
 * of files are another's words: they are escaped, and control characters are spelled out.
 *
 * The treemap is laid out here. Every byte that is uploaded has its area, and all areas are to one scale:
 * so there is no padding in it, and what separates the cells is drawn over them.
 */
import { createHash } from "node:crypto";
import { hierarchy, treemap, treemapSquarify } from "d3-hierarchy";
import type { HierarchyRectangularNode } from "d3-hierarchy";
import { STYLE } from "./inspection-style.ts";
import type { InspectedModule, Inspection } from "./inspect.ts";
import { printable } from "./printable.ts";

/** Units of the picture; a browser scales it to the page. */
const WIDTH = 1200;
const HEIGHT = 640;

/** Of a label's text: a letter is at most so wide, and a line so high. */
const LETTER_WIDTH = 6.6;
const LINE_HEIGHT = 16;

/** What a byte is for; each has a colour. */
type Kind = "stage" | "own" | "package" | "demand" | "map";

const KINDS: readonly (readonly [kind: Kind, meaning: string])[] = [
  ["stage", "stages, before ready"],
  ["own", "modules of the project, before ready"],
  ["package", "modules of packages, before ready"],
  ["demand", "modules loaded by import()"],
  ["map", "source maps, not before ready"],
];

interface Cell {
  readonly name: string;
  readonly bytes: number;
  readonly kind: Kind;
  /** Said of it beside its name and bytes. */
  readonly note: string;
  /** Where in the page there is more. */
  readonly target: string;
}

interface Folder {
  readonly name: string;
  readonly children: readonly (Folder | Cell)[];
}

/** The page. Its bytes depend on nothing but the inspection. */
export function formatInspectionPage(inspection: Inspection): string {
  const cells = cellsOf(inspection);
  const total = sumOf(cells);
  const styleHash = createHash("sha256").update(STYLE).digest("base64");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(inspection.entry)}: what is uploaded</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escape(inspection.entry)}</h1>
<p class="hash">bundle ${inspection.hash}</p>
<dl>
${figure("before ready", inspection.bytesBeforeReady)}
${figure("loaded by import()", sumOf(cells.filter(({ kind }) => kind === "demand")))}
${figure("maps", inspection.totals.mapBytes)}
${figure("in all", total)}
</dl>
</header>
<main>
<section aria-label="Treemap">
<ul class="legend">
${KINDS.flatMap(([kind, meaning]) => legendItem(meaning, kind, cells)).join("\n")}
</ul>
${drawTreemap(cells, total)}
</section>
<section>
<h2>Before ready</h2>
${stagesTable(inspection)}
</section>
<section>
<h2>Modules</h2>
${modulesTable(inspection)}
</section>
<section id="stages">
<h2>Texts of the stages</h2>
<details><summary>stage 0</summary><pre>${escapeLines(inspection.stage0)}</pre></details>
<details><summary>stage 1</summary><pre>${escapeLines(inspection.stage1)}</pre></details>
</section>
</main>
</body>
</html>
`;
}

/** Every byte that is uploaded, once. */
function cellsOf(inspection: Inspection): Cell[] {
  const stages = stagesOf(inspection).map(([name, bytes]): Cell => ({
    name,
    bytes,
    kind: "stage",
    note: "before ready",
    target: "stages",
  }));
  const chunks = inspection.modules.map((module, index): Cell => ({
    name: module.filename,
    bytes: module.chunkBytes,
    kind: kindOf(module),
    note: module.group === "" ? "chunk, before ready" : `chunk, loaded by import() with ${module.group}`,
    target: `m${index}`,
  }));
  const maps = inspection.modules.map(({ filename, mapBytes }, index): Cell => ({
    name: filename,
    bytes: mapBytes,
    kind: "map",
    note: "source map",
    target: `m${index}`,
  }));
  return [...stages, ...chunks, ...maps];
}

function kindOf({ filename, group }: InspectedModule): Kind {
  if (group !== "") return "demand";
  return filename.split("/").includes("node_modules") ? "package" : "own";
}

/** What is sent before ready beside the modules. */
function stagesOf(inspection: Inspection): readonly (readonly [name: string, bytes: number])[] {
  return [
    // The newline between the command and the line is for the reader only.
    ["command, line and stage 1", Buffer.byteLength(inspection.stage0) - 1],
    ["stage 2", inspection.stage2Bytes],
  ];
}

/** Kinds stand together, and within them folders. Largest first, so that the picture is a stable one. */
function layOut(cells: readonly Cell[]): HierarchyRectangularNode<Folder | Cell> {
  const children = KINDS.map(([kind]): Folder => {
    const ofKind = cells.filter((cell) => cell.kind === kind);
    return { name: kind, children: foldersOf(ofKind, 0) };
  });
  const root = hierarchy<Folder | Cell>({ name: "", children }, (node) =>
    "children" in node ? node.children : undefined,
  )
    .sum((node) => ("bytes" in node ? node.bytes : 0))
    // oxlint-disable-next-line unicorn/no-array-sort -- it sorts a tree
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0) || (a.data.name < b.data.name ? -1 : 1));
  return treemap<Folder | Cell>().tile(treemapSquarify).size([WIDTH, HEIGHT])(root);
}

/** Folders below this are one: names may be an attacker's, and a page needs no more. */
const MAX_DEPTH = 32;

/** By the part of the path at `depth`; folders with a single child are that child. */
function foldersOf(cells: readonly Cell[], depth: number): (Folder | Cell)[] {
  const files: Cell[] = [];
  const folders = new Map<string, Cell[]>();
  for (const cell of cells) {
    const parts = cell.name.split("/", MAX_DEPTH);
    const [part, below] = parts.slice(depth, depth + 2);
    if (part === undefined || below === undefined) files.push(cell);
    else
      folders
        .set(part, folders.get(part) ?? [])
        .get(part)
        ?.push(cell);
  }
  const deeper = [...folders].flatMap(([name, members]) => {
    const children = foldersOf(members, depth + 1);
    return children.length > 1 ? [{ name, children }] : children;
  });
  return [...files, ...deeper];
}

function drawTreemap(cells: readonly Cell[], total: number): string {
  const shown = cells.filter(({ bytes }) => bytes > 0);
  const root = layOut(shown);
  const leaves = root.leaves().map((node) => drawCell(node, total));
  const borders = (root.children ?? []).map((node) => `<rect class="border" ${geometry(node)}/>`);
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT + 2 * LINE_HEIGHT}" role="group" aria-label="${count(total)} bytes in ${count(shown.length)} areas">
${leaves.join("\n")}
<g class="borders" aria-hidden="true">${borders.join("")}</g>
<text class="hint" x="0" y="${HEIGHT + 1.5 * LINE_HEIGHT}">Point at an area, or go there with the tabulator key; Enter leads to its row below.</text>
</svg>`;
}

function drawCell(node: HierarchyRectangularNode<Folder | Cell>, total: number): string {
  const cell = node.data;
  if (!("bytes" in cell)) return "";
  const share = ((100 * cell.bytes) / total).toFixed(1);
  const words = escape(`${cell.name}: ${count(cell.bytes)} bytes, ${share} %, ${cell.note}`);
  return (
    `<a href="#${cell.target}"><title>${words}</title>` +
    `<rect class="${cell.kind}" data-bytes="${cell.bytes}" ${geometry(node)}/>${label(node, cell)}` +
    `<text class="detail" aria-hidden="true" x="0" y="${HEIGHT + 1.5 * LINE_HEIGHT}">${words}</text></a>`
  );
}

/** The file's name, and its bytes below, as far as there is room. */
function label(node: HierarchyRectangularNode<Folder | Cell>, cell: Cell): string {
  const letters = Math.floor((node.x1 - node.x0 - 8) / LETTER_WIDTH);
  const lines = Math.floor((node.y1 - node.y0 - 4) / LINE_HEIGHT);
  if (letters < 3 || lines < 1) return "";
  const name = shorten(printable(cell.name.split("/").at(-1) ?? ""), letters);
  const bytes = count(cell.bytes);
  const texts = lines > 1 && bytes.length <= letters ? [name, bytes] : [name];
  return texts
    .map((text, line) => {
      const y = (node.y0 + LINE_HEIGHT * (line + 0.9)).toFixed(1);
      return `<text aria-hidden="true" x="${(node.x0 + 4).toFixed(1)}" y="${y}">${escape(text)}</text>`;
    })
    .join("");
}

function geometry({ x0, x1, y0, y1 }: HierarchyRectangularNode<Folder | Cell>): string {
  const numbers = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
  return Object.entries(numbers)
    .map(([name, value]) => `${name}="${Number(value.toFixed(4))}"`)
    .join(" ");
}

function stagesTable(inspection: Inspection): string {
  const modules = inspection.groups.find(({ group }) => group === "")?.modules ?? 0;
  const stages = stagesOf(inspection);
  const payload = inspection.bytesBeforeReady - stages.reduce((sum, [, bytes]) => sum + bytes, 0);
  const rows = [...stages, [`payload: index and ${modules} modules in one stream`, payload] as const];
  return `<table>
<thead><tr><th scope="col">part</th><th scope="col">bytes</th></tr></thead>
<tbody>${rows.map(([name, bytes]) => `<tr><th scope="row">${name}</th>${cellsIn([bytes])}</tr>`).join("\n")}</tbody>
<tfoot><tr><th scope="row">before ready</th>${cellsIn([inspection.bytesBeforeReady])}</tr></tfoot>
</table>`;
}

function modulesTable({ modules, groups, totals }: Inspection): string {
  const bodies = groups.map(({ group, ...sums }) => {
    const rows = modules.flatMap((module, index) => (module.group === group ? moduleRow(module, index) : []));
    const heading = group === "" ? "sent before ready" : `loaded by import() with ${escape(group)}`;
    return `<tbody>
<tr><th scope="rowgroup">${heading}</th>${cellsIn([sums.sourceBytes, sums.codeBytes, sums.chunkBytes, sums.mapBytes])}<td></td><td></td></tr>
${rows.join("\n")}
</tbody>`;
  });
  const headings = ["module", "source", "code", "chunk", "map", "sha256", "imported by"];
  return `<div class="wide"><table>
<thead><tr>${headings.map((heading) => `<th scope="col">${heading}</th>`).join("")}</tr></thead>
${bodies.join("\n")}
<tfoot><tr><th scope="row">${count(totals.modules)} modules</th>${cellsIn([totals.sourceBytes, totals.codeBytes, totals.chunkBytes, totals.mapBytes])}<td></td><td></td></tr></tfoot>
</table></div>`;
}

function moduleRow(module: InspectedModule, index: number): string {
  const { filename, sourceBytes, codeBytes, chunkBytes, mapBytes, sha256, importedBy } = module;
  const numbers = cellsIn([sourceBytes, codeBytes, chunkBytes, mapBytes]);
  const importers = importedBy.map((name) => escape(name)).join("<br>");
  return `<tr id="m${index}"><th scope="row">${escape(filename)}</th>${numbers}<td><code title="${sha256}">${sha256.slice(0, 12)}</code></td><td>${importers}</td></tr>`;
}

/** None for what there is none of. */
function legendItem(meaning: string, kind: Kind, cells: readonly Cell[]): string[] {
  const bytes = sumOf(cells.filter((cell) => cell.kind === kind));
  if (bytes === 0) return [];
  return [
    `<li><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect class="${kind}" width="10" height="10"/></svg> ${meaning}: ${count(bytes)}</li>`,
  ];
}

function figure(name: string, bytes: number): string {
  return `<div><dt>${name}</dt><dd>${count(bytes)}</dd></div>`;
}

function cellsIn(numbers: readonly number[]): string {
  return numbers.map((number) => `<td class="number">${count(number)}</td>`).join("");
}

function sumOf(cells: readonly Cell[]): number {
  return cells.reduce((sum, { bytes }) => sum + bytes, 0);
}

function shorten(text: string, letters: number): string {
  return text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;
}

function count(number: number): string {
  return number.toLocaleString("en-US");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** For text and for attributes in double quotes. */
function escape(text: string): string {
  return printable(text).replace(/[&<>"']/g, (char) => ENTITIES[char] ?? "");
}

function escapeLines(text: string): string {
  return text
    .split("\n")
    .map((line) => escape(line))
    .join("\n");
}
