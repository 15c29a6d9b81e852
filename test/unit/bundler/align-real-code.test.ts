import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { alignLines, countExact } from "../../../bundler/line-align.ts";
import { segmentOffsets } from "../../../bundler/mapped-text.ts";
import type { MappedText } from "../../../bundler/mapped-text.ts";
import { alignSafely } from "../../../bundler/safe-align.ts";
import { decodeMappings } from "../../../bundler/source-map.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

/** Segments on their own line, at least. The rest is code that the compiler moved or merged. */
const MIN_EXACT = 0.95;

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(?:ts|[cm]?js)$/.test(name) && !name.endsWith(".d.ts"))
    .map((name) => `${folder}/${name}`);
}

async function compiled(file: string): Promise<MappedText> {
  const { code, map } = await transform(readFileSync(join(ROOT, file), "utf8"), {
    loader: file.endsWith(".ts") ? "ts" : "js",
    format: "cjs",
    target: "node8",
    minifyWhitespace: true,
    legalComments: "none",
    sourcemap: "external",
    logLevel: "silent",
  });
  const { mappings } = JSON.parse(map) as { mappings: string };
  return { text: code, segments: decodeMappings(mappings) };
}

async function minified(text: string): Promise<string> {
  return (await transform(text, { minifyWhitespace: true, logLevel: "silent" })).code;
}

for (const folder of [
  "bundler",
  "client",
  "agent-src",
  "node_modules/esbuild/lib",
  "node_modules/fast-check/lib",
  "node_modules/pako/dist",
  "node_modules/ssh2/lib",
  "node_modules/streamx",
  "node_modules/tar-stream",
  "node_modules/tweetnacl",
]) {
  test(`alignLines() keeps the meaning of ${folder}, and puts it on its lines`, async () => {
    let segments = 0;
    let exact = 0;
    for (const file of sourcesBelow(folder)) {
      const plain = await compiled(file);
      const { aligned } = alignLines(plain);
      assert.equal(await minified(aligned.text), await minified(plain.text), file);
      assertSameMap(plain, aligned, file);
      segments += aligned.segments.length;
      exact += countExact(aligned);
    }
    assert.ok(segments > 0);
    assert.ok(exact >= MIN_EXACT * segments, `${exact} of ${segments} segments are on their line`);
  });
}

/** Each point of the map leads from the same token to the same place. */
function assertSameMap(plain: MappedText, aligned: MappedText, file: string): void {
  const offsets = segmentOffsets(plain);
  const alignedOffsets = segmentOffsets(aligned);
  assert.equal(aligned.segments.length, plain.segments.length, file);
  for (const [index, segment] of plain.segments.entries()) {
    const moved = aligned.segments[index];
    assert.equal(aligned.text[alignedOffsets[index] ?? 0], plain.text[offsets[index] ?? 0], file);
    assert.equal(moved?.sourceLine, segment.sourceLine);
    assert.equal(moved.sourceColumn, segment.sourceColumn);
  }
}

test("alignSafely() takes back the one change that alters the meaning", async () => {
  const template = "tag`x\n`;";
  const text = `a();${template}b();c();`;
  const segment = (token: string, sourceLine: number) => {
    const before = text.slice(0, text.indexOf(token)).split("\n");
    const generatedColumn = before.at(-1)?.length ?? 0;
    return { generatedLine: before.length - 1, generatedColumn, sourceLine, sourceColumn: 0 };
  };
  // As if the newline were not in the source: its escape would align, but tags see the difference.
  const plain = { text, segments: [segment("a", 0), segment("tag", 1), segment("b", 1), segment("c", 3)] };
  assert.equal(alignLines(plain).aligned.text, "a();\ntag`x\\n`;b();\n\nc();");
  assert.equal((await alignSafely(plain)).text, "a();\ntag`x\n`;b();\nc();");
});
