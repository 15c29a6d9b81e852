import assert from "node:assert/strict";
import { test } from "node:test";
import { transformSync } from "esbuild";
import { exportEdits } from "../../../bundler/export-prologue.ts";
import { applyEdits, segmentOffsets } from "../../../bundler/mapped-text.ts";
import { decodeMappings } from "../../../bundler/source-map.ts";

/** A module as esbuild compiles it, and with the edits. */
function compiled(source: string): { before: string; after: string } {
  const { code, map } = transformSync(source, {
    format: "cjs",
    platform: "neutral",
    target: "node8",
    minifyWhitespace: true,
    sourcemap: "external",
  });
  const { mappings } = JSON.parse(map) as { mappings: string };
  const mapped = { text: code, segments: decodeMappings(mappings) };
  const edits = exportEdits(code, 0, segmentOffsets(mapped));
  return { before: code, after: applyEdits(mapped, edits).text };
}

interface Exported {
  readonly exports: Record<string, unknown>;
}

function evaluate(text: string, required: unknown = {}): Exported {
  const module = { exports: {} };
  // oxlint-disable-next-line typescript/no-implied-eval -- the text under test is a module's
  new Function("exports", "module", "require", text)(module.exports, module, () => required);
  return module;
}

/** What an importer can see of an exports object. */
function visible({ exports }: Exported): unknown {
  return Object.entries(Object.getOwnPropertyDescriptors(exports)).map(([name, descriptor]) => [
    name,
    descriptor.enumerable,
    descriptor.configurable,
    descriptor.writable,
    typeof descriptor.get,
    typeof descriptor.set,
    exports[name],
  ]);
}

const SOURCES = {
  "names, default, strings for names": `export const b = 1; export function a() {} export default class Q {} const s = 2; export { s as "a-b" };`,
  "one export": `export let x = 1;`,
  "an import with a default": `import d, { n } from "m"; export const x = [d, n];`,
  "an import() and a namespace": `import * as all from "m"; export const x = () => import("m"); export { all };`,
} as const;

for (const [name, source] of Object.entries(SOURCES)) {
  test(`${name}: the same properties, in order, in fewer bytes`, () => {
    const { before, after } = compiled(source);
    assert.ok(after.length < before.length, `${before.length} bytes, and then ${after.length}`);
    assert.doesNotMatch(after, /__toCommonJS|__export\b/);
    const required = { default: 7, n: 8 };
    const [was, is] = [evaluate(before, required), evaluate(after, required)];
    const [wasSeen, isSeen] = [visible(was), visible(is)];
    assert.deepEqual(JSON.stringify(isSeen), JSON.stringify(wasSeen));
  });
}

test("bindings are live", () => {
  const { after } = compiled(
    `export let x = 1; export const set = (to: number) => { x = to; };`.replace(": number", ""),
  );
  const { exports } = evaluate(after);
  (exports["set"] as (to: number) => void)(5);
  assert.equal(exports["x"], 5);
});

test("what is exported before the module has ended can be seen by a cycle", () => {
  const { after } = compiled(
    `import { seen } from "m"; export function early() { return 1; } export const late = seen();`,
  );
  const module: Exported = { exports: {} };
  const seen = (): unknown => (module.exports["early"] as () => unknown)();
  // oxlint-disable-next-line typescript/no-implied-eval -- the text under test is a module's
  new Function("exports", "module", "require", after)(module.exports, module, () => ({ seen }));
  assert.equal(module.exports["late"], 1);
});

test("export * needs the helpers, and a module that is no ES module has none: nothing is changed", () => {
  for (const source of [`export * from "m"; export const x = 1;`, `module.exports = 1;`, `require("m");`]) {
    const { before, after } = compiled(source);
    assert.equal(after, before);
  }
});

test("code of the module that looks like the prologue is left alone", () => {
  const text = `var a_exports={};__export(a_exports,{x:()=>x});module.exports=__toCommonJS(a_exports);`;
  const { before, after } = compiled(`const s = ${JSON.stringify(text)}; module.exports = s;`);
  assert.equal(after, before);
  assert.deepEqual(exportEdits(`let y;${text}`, 0, [0]), []);
});
