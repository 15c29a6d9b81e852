import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bundle, BundledModule, ModuleImport } from "../../../bundler/format.ts";
import { formatInspection, inspectBundle } from "../../../bundler/inspect.ts";
import type { StageFigures } from "../../../bundler/inspect.ts";

const FIGURES: StageFigures = {
  stage0: "sh -c 'IFS= read -r x'",
  stage1: "first line\nsecond line",
  stage2Bytes: 1234,
  bytesBeforeReady: 12_345,
};

function moduleOf(
  filename: string,
  group: string,
  bytes: number,
  imports: ModuleImport[] = [],
): BundledModule {
  return {
    filename,
    group,
    imports,
    sourceBytes: bytes * 4,
    codeBytes: bytes * 3,
    usesDictionary: false,
    chunk: new Uint8Array(bytes * 2),
    map: new Uint8Array(bytes),
    sha256: filename.charCodeAt(0).toString(16).repeat(32),
  };
}

const to = (filename: string, kind: ModuleImport["kind"] = "static"): ModuleImport => ({
  specifier: `./${filename}`,
  filename,
  kind,
});

const BUNDLE: Bundle = {
  hash: "f".repeat(64),
  entry: "main.ts",
  modules: [
    moduleOf("main.ts", "", 1000, [
      to("a.ts"),
      to("lazy.ts", "dynamic"),
      { ...to("net"), filename: undefined },
    ]),
    moduleOf("a.ts", "", 20),
    moduleOf("lazy.ts", "lazy.ts", 3, [to("a.ts"), { ...to("a.ts"), specifier: "./a" }]),
  ],
};

test("inspectBundle() has each module's sizes, imports and importers", () => {
  const { modules, hash, entry } = inspectBundle(BUNDLE, FIGURES);
  assert.equal(hash, BUNDLE.hash);
  assert.equal(entry, "main.ts");
  const [main, a, lazy] = modules;
  assert.deepEqual(
    [main?.sourceBytes, main?.codeBytes, main?.chunkBytes, main?.mapBytes],
    [4000, 3000, 2000, 1000],
  );
  assert.deepEqual(main?.imports, BUNDLE.modules[0]?.imports);
  assert.deepEqual(main?.importedBy, []);
  assert.deepEqual(a?.importedBy, ["main.ts", "lazy.ts"]);
  assert.deepEqual(lazy?.importedBy, ["main.ts"]);
});

test("inspectBundle() passes the stages' figures on, and survives JSON", () => {
  const inspection = inspectBundle(BUNDLE, FIGURES);
  assert.deepEqual({ ...inspection, ...FIGURES }, inspection);
  const parsed = JSON.parse(JSON.stringify(inspection)) as typeof inspection;
  assert.deepEqual(parsed.totals, inspection.totals);
  assert.equal(parsed.modules.length, 3);
});

test("inspectBundle() adds up groups and everything", () => {
  const { totals, groups } = inspectBundle(BUNDLE, FIGURES);
  assert.deepEqual(totals, {
    modules: 3,
    sourceBytes: 4092,
    codeBytes: 3069,
    chunkBytes: 2046,
    mapBytes: 1023,
  });
  assert.deepEqual(
    groups.map(({ group, modules, chunkBytes }) => [group, modules, chunkBytes]),
    [
      ["", 2, 2040],
      ["lazy.ts", 1, 6],
    ],
  );
});

function chunkOf(row: string): number {
  return Number(/\S+ +\S+ +\S+ +([\d,]+)/.exec(row)?.[1]?.replace(",", ""));
}

test("formatInspection() is a table whose numbers end on one line and whose rows add up", () => {
  const lines = formatInspection(inspectBundle(BUNDLE, FIGURES)).split("\n");
  const rows = lines.filter((line) => /\.ts +[\d,]+ /.test(line));
  assert.equal(rows.length, 3);
  const ends = rows.map((row) =>
    [...row.matchAll(/(?<= )[\d,]+(?= )/g)].slice(0, 4).map(({ index, 0: number }) => index + number.length),
  );
  for (const row of ends) assert.deepEqual(row, ends[0]);
  const sum = rows.reduce((total, row) => total + chunkOf(row), 0);
  const total = lines.find((line) => line.startsWith("3 modules"));
  assert.match(total ?? "", new RegExp(` ${sum.toLocaleString("en")} `));
});

test("formatInspection() shows the hash, the stages with their length, and what is sent before ready", () => {
  const text = formatInspection(inspectBundle(BUNDLE, FIGURES));
  assert.match(text, /bundle +f{64}\n/);
  assert.match(text, /stage 0 +22 bytes\n +sh -c 'IFS= read -r x'\n/);
  assert.match(text, /stage 1 +22 bytes\n +first line\n +second line\n/);
  assert.match(text, /stage 2 +1,234 bytes\n/);
  assert.match(text, /12,345 bytes/);
  assert.match(text, /loaded by import\(\) with lazy\.ts/);
  assert.match(text, /a\.ts .* main\.ts lazy\.ts\n/);
  assert.doesNotMatch(text, / \n/);
});
