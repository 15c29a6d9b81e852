import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Bundle, BundledModule } from "../../../bundler/format.ts";
import { formatInspectionPage } from "../../../bundler/inspection-page.ts";
import { inspectBundle } from "../../../bundler/inspect.ts";
import type { Inspection } from "../../../bundler/inspect.ts";

function moduleOf(filename: string, chunkBytes: number, mapBytes: number, group = ""): BundledModule {
  return {
    filename,
    group,
    imports: [{ specifier: "./a.ts", filename: "src/a.ts", kind: "static" }],
    sourceBytes: chunkBytes * 4,
    codeBytes: chunkBytes * 3,
    usesDictionary: false,
    chunk: new Uint8Array(chunkBytes),
    map: new Uint8Array(mapBytes),
    sha256: createHash("sha256").update(filename).digest("hex"),
  };
}

function inspectionOf(...modules: readonly BundledModule[]): Inspection {
  const bundle: Bundle = { hash: "f".repeat(64), entry: modules[0]?.filename ?? "", modules };
  const chunkBytes = modules.reduce((sum, { group, chunk }) => sum + (group === "" ? chunk.length : 0), 0);
  const stage0 = "sh -c 'IFS= read -r x'\nif true; then node; fi\n";
  const bytesBeforeReady = stage0.length - 1 + 1700 + 264 + chunkBytes;
  return inspectBundle(bundle, { stage0, stage1: "a => 'b' && \"c\"", stage2Bytes: 1700, bytesBeforeReady });
}

const INSPECTION = inspectionOf(
  moduleOf("src/main.ts", 3000, 1200),
  moduleOf("src/a.ts", 700, 300),
  moduleOf("src/deep/er/b.ts", 1, 20),
  moduleOf("src/empty.json", 2, 0),
  moduleOf("node_modules/left-pad/index.js", 950, 610),
  moduleOf("node_modules/@scope/pad/index.js", 350, 61),
  moduleOf("src/lazy.ts", 1234, 567, "src/lazy.ts"),
);

/** The newline of the text is not sent. */
const STAGE_BYTES = Buffer.byteLength(INSPECTION.stage0) - 1 + INSPECTION.stage2Bytes;

interface Rectangle {
  readonly kind: string;
  readonly bytes: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const RECTANGLE =
  /<rect class="(\w+)" data-bytes="(\d+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"\/>/g;

function rectanglesOf(page: string): Rectangle[] {
  return [...page.matchAll(RECTANGLE)].map(([, kind = "", ...numbers]) => {
    const [bytes = 0, x = 0, y = 0, width = 0, height = 0] = numbers.map(Number);
    return { kind, bytes, x, y, width, height };
  });
}

function bytesOf(rectangles: readonly Rectangle[], ...kinds: readonly string[]): number {
  return rectangles.reduce((sum, { kind, bytes }) => sum + (kinds.includes(kind) ? bytes : 0), 0);
}

test("every byte that is uploaded has its area in the treemap, all to one scale", () => {
  const rectangles = rectanglesOf(formatInspectionPage(INSPECTION));
  const chunks = INSPECTION.groups.find(({ group }) => group === "")?.chunkBytes ?? 0;
  const uploaded = STAGE_BYTES + chunks;
  assert.equal(bytesOf(rectangles, "stage", "own", "package"), uploaded);
  assert.equal(bytesOf(rectangles, "map"), INSPECTION.totals.mapBytes);
  assert.equal(bytesOf(rectangles, "own", "package", "demand"), INSPECTION.totals.chunkBytes);
  assert.equal(bytesOf(rectangles, "package"), 1300);
  assert.equal(bytesOf(rectangles, "demand"), 1234);
  const bytes = uploaded + INSPECTION.totals.mapBytes + 1234;
  const scale = (1200 * 640) / bytes;
  for (const rectangle of rectangles) {
    const area = rectangle.width * rectangle.height;
    assert.ok(Math.abs(area - rectangle.bytes * scale) < 0.2, `${rectangle.bytes} bytes have ${area}`);
  }
});

test("no area lies outside of the treemap or over another", () => {
  const rectangles = rectanglesOf(formatInspectionPage(INSPECTION));
  const slack = 0.001;
  for (const [index, a] of rectangles.entries()) {
    assert.ok(a.x + a.width <= 1200 + slack && a.y + a.height <= 640 + slack);
    for (const b of rectangles.slice(index + 1)) {
      const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
      const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
      assert.ok(across <= slack || down <= slack, JSON.stringify([a, b]));
    }
  }
});

test("the tables have every module and total, and what the treemap has leads there", () => {
  const page = formatInspectionPage(INSPECTION);
  const rows = new Map(
    [...page.matchAll(/<tr id="(m\d+)"><th scope="row">(.*?)<\/th>(.*?)<\/tr>/g)].map(
      ([, id, name, cells]) => [id, [name, cells]],
    ),
  );
  assert.deepEqual(
    [...rows.values()].map(([name = ""]) => name).toSorted((a, b) => a.localeCompare(b)),
    INSPECTION.modules.map(({ filename }) => filename).toSorted((a, b) => a.localeCompare(b)),
  );
  assert.match(
    rows.get("m6")?.[1] ?? "",
    /<td class="number">4,936<\/td><td class="number">3,702<\/td><td class="number">1,234<\/td><td class="number">567<\/td>/,
  );
  const targets = [...page.matchAll(/<a href="#(\w+)">/g)].map(([, target = ""]) => target);
  assert.equal(targets.length, rectanglesOf(page).length);
  for (const target of targets) assert.ok(page.includes(` id="${target}"`), target);
  assert.ok(
    page.includes(`<dt>before ready</dt><dd>${INSPECTION.bytesBeforeReady.toLocaleString("en-US")}</dd>`),
  );
  const payload = (INSPECTION.bytesBeforeReady - STAGE_BYTES).toLocaleString("en-US");
  assert.match(
    page,
    new RegExp(`payload: index and \\d+ modules in one stream</th><td class="number">${payload}</td>`),
  );
});

test("the page asks for nothing from elsewhere, and its policy would not let it", () => {
  const page = formatInspectionPage(INSPECTION);
  assert.doesNotMatch(
    page,
    /https?:|\/\/[\w-]+\.|@import|url\(|<script|<link|<img|<iframe|\son\w+=|\sstyle=|\bsrc=/i,
  );
  for (const [, href = ""] of page.matchAll(/\shref="([^"]*)"/g)) assert.match(href, /^#\w+$/);
  const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] ?? "";
  assert.ok(style.length > 100);
  const hash = createHash("sha256").update(style).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  assert.ok(page.includes(`<meta http-equiv="Content-Security-Policy" content="${policy}">`));
  assert.ok(page.indexOf("Content-Security-Policy") < page.indexOf("<style>"));
  assert.match(style, /prefers-color-scheme: dark/);
});

test("names of files stay text, whatever is in them", () => {
  const hostile = [
    `</title><script>alert(1)</script>.ts`,
    `" onmouseover="alert(1)" x=".ts`,
    `' onfocus='alert(1)'.ts`,
    `&lt;b&gt;.ts`,
    `</svg><img src=x onerror=alert(1)>/a.ts`,
    `\u001b]0;title\u0007\u202eevil\n<p>.ts`,
  ];
  const page = formatInspectionPage(
    inspectionOf(...hostile.map((name, index) => moduleOf(name, 100 + index, 50, index === 0 ? "" : name))),
  );
  const plain = formatInspectionPage(
    inspectionOf(
      ...hostile.map((_, index) =>
        moduleOf(`d/${index}.ts`, 100 + index, 50, index === 0 ? "" : `d/${index}.ts`),
      ),
    ),
  );
  const tagsOf = (text: string): string[] => [...text.matchAll(/<[a-z/!]+/g)].map(([tag]) => tag);
  // Labels come and go with the length of a name, all else is the same.
  const count = (text: string, tag: string): number => tagsOf(text).filter((each) => each === tag).length;
  for (const tag of new Set([...tagsOf(page), ...tagsOf(plain)])) {
    if (!["<text", "</text"].includes(tag)) assert.equal(count(page, tag), count(plain, tag), tag);
  }
  assert.doesNotMatch(page, /[^\P{Cc}\n]|\p{Cf}/u);
  for (const [tag] of page.matchAll(/<[a-z][^>]*>/g))
    assert.doesNotMatch(tag, /^<\w+[^"]*(?:"[^"]*"[^"]*)*\son\w+=/);
  assert.ok(page.includes("&amp;lt;b&amp;gt;.ts"));
});

test("the same inspection gives the same page, and an empty bundle gives one as well", () => {
  assert.equal(formatInspectionPage(INSPECTION), formatInspectionPage(structuredClone(INSPECTION)));
  assert.equal(rectanglesOf(formatInspectionPage(inspectionOf(moduleOf("main.ts", 0, 0)))).length, 2);
});

test("a path of a hundred thousand folders is drawn", () => {
  const page = formatInspectionPage(
    inspectionOf(
      moduleOf(`${"a/".repeat(100_000)}b.ts`, 10, 10),
      moduleOf(`${"a/".repeat(100_000)}c.ts`, 10, 10),
    ),
  );
  assert.equal(rectanglesOf(page).length, 6);
});

test("a thousand modules in folders of any depth are a page below a megabyte, drawn to scale", () => {
  const modules = Array.from({ length: 1000 }, (_, index) =>
    moduleOf(`node_modules/${index % 50}/${"lib/".repeat(index % 7)}file-${index}.js`, 10 + (index % 300), 5),
  );
  const page = formatInspectionPage(inspectionOf(...modules));
  assert.equal(rectanglesOf(page).length, 2002);
  assert.ok(page.length < 1_000_000, String(page.length));
});
