import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runInThisContext } from "node:vm";
import { inflateRawSync } from "node:zlib";
import { encodeMaps, encodePayload } from "../../../bootstrap/payload.ts";
import type { PayloadOptions } from "../../../bootstrap/payload.ts";
import type { PayloadIndex } from "../../../bootstrap/payload-index.ts";
import type { Position } from "../../../bootstrap/trace-maps.ts";
import { bundle } from "../../../bundler/bundle.ts";
import type { Bundle } from "../../../bundler/format.ts";
import { inflateModules } from "../../../bundler/inflate.ts";
import { mapOf, moduleOf, writeProgram } from "../bundler/program.ts";
import type { Files } from "../bundler/program.ts";

async function bundleOf(context: TestContext, files: Files): Promise<Bundle> {
  return bundle(join(await writeProgram(context, files), "main.ts"));
}

/** Reads a payload as payload.ts describes it. */
function decode(
  bundled: Bundle,
  options: Partial<PayloadOptions> = {},
): {
  readonly index: PayloadIndex;
  readonly texts: Record<string, string>;
  readonly rest: Uint8Array;
} {
  const payload = Buffer.from(encodePayload(bundled, { maps: false, ...options }));
  const deflated = payload.subarray(32);
  assert.deepEqual(payload.subarray(0, 32), createHash("sha256").update(deflated).digest());
  const content = inflateRawSync(deflated);
  let offset = content.indexOf("\n");
  const index = JSON.parse(content.subarray(0, offset++).toString()) as PayloadIndex;
  const texts = index.bytes.map((bytes, at) => {
    const text = content.subarray(offset, (offset += bytes)).toString();
    return [index.names[at], text] as const;
  });
  return { index, texts: Object.fromEntries(texts), rest: content.subarray(offset) };
}

function textsOf(bundled: Bundle): Record<string, string> {
  const texts = [...inflateModules(bundled.modules)];
  return Object.fromEntries(texts.map(([filename, text]) => [filename, Buffer.from(text).toString()]));
}

const PROGRAM: Files = {
  "main.ts":
    'import { twice } from "./lib/twice.ts";\nimport data from "./data.json";\nconsole.log(twice(data.n));\n',
  "lib/twice.ts":
    "/** Far from its line. */\n\nexport function twice(n: number): number {\n  return n * 2;\n}\n",
  "data.json": '{"n": 21}',
};

const GROUPS: Files = {
  "main.ts": 'void import("./left.ts");\nvoid import("./right.ts");\n',
  "left.ts": 'export const side = "left, with some words that are in both of them";\n',
  "right.ts": 'export const side = "right, with some words that are in both of them";\n',
};

test("encodePayload() holds each module's text, and nothing behind the last without maps", async (context) => {
  const bundled = await bundleOf(context, PROGRAM);
  const { texts, rest } = decode(bundled);
  assert.deepEqual(texts, textsOf(bundled));
  assert.equal(rest.length, 0);
});

test("encodePayload() says where each specifier leads, by position, unless it is the path as it stands", async (context) => {
  const files = {
    "main.ts": `import "./lib/in-full.ts"; import "./lib/without"; import "pkg"; import "./lib/../odd.ts"; import "fs";`,
    "lib/in-full.ts": `import "../odd.ts"; import "../main.ts";`,
    "lib/without.ts": "",
    "odd.ts": "",
    "node_modules/pkg/index.js": "",
  };
  const { index } = decode(await bundleOf(context, files));
  const { names } = index;
  assert.equal(names[0], "main.ts");
  const listed = index.bytes.map((_bytes, at) => [
    names[at],
    Object.fromEntries(
      Object.entries(index.imports[at] ?? {}).map(([specifier, to]) => [specifier, names[to]]),
    ),
  ]);
  assert.deepEqual(Object.fromEntries(listed), {
    "main.ts": { "./lib/without": "lib/without.ts", pkg: "node_modules/pkg/index.js" },
    "lib/in-full.ts": {},
    "lib/without.ts": {},
    "odd.ts": {},
    "node_modules/pkg/index.js": {},
  });
});

test("encodePayload() has arguments and environment, whatever is in them", async (context) => {
  const args = ["", "two words", "'\"$`\\!\n", "ü€😀"];
  const env = { NAME: "a=b\nc", __proto__x: "1" };
  const { index } = decode(await bundleOf(context, PROGRAM), { args, env });
  assert.deepEqual([index.args, index.env], [args, env]);
});

test("encodePayload() puts the maps last if they come along", async (context) => {
  const bundled = await bundleOf(context, PROGRAM);
  const { rest } = decode(bundled, { maps: true });
  assert.deepEqual(Buffer.from(rest), inflateRawSync(encodeMaps(bundled)));
});

test("encodePayload() leaves groups out that are not asked for, and has each whole without the others", async (context) => {
  const bundled = await bundleOf(context, GROUPS);
  const all = textsOf(bundled);
  assert.deepEqual(decode(bundled).texts, { "main.ts": all["main.ts"] });
  const groups = [...new Set(bundled.modules.map(({ group }) => group))].filter((group) => group !== "");
  assert.equal(groups.length, 2);
  for (const group of groups) {
    const wanted = bundled.modules.filter((module) => ["", group].includes(module.group));
    const texts = wanted.map(({ filename }) => [filename, all[filename]]);
    assert.deepEqual(decode(bundled, { groups: [group] }).texts, Object.fromEntries(texts));
  }
  assert.deepEqual(decode(bundled, { groups }).texts, all);
});

test("encodePayload() refuses a group that the bundle does not have", async (context) => {
  const bundled = await bundleOf(context, PROGRAM);
  assert.throws(() => encodePayload(bundled, { maps: false, groups: ["none"] }), /Cannot send group "none"/);
});

function positionOf(maps: Uint8Array): Position {
  const build = runInThisContext(inflateRawSync(maps).toString()) as (next: Position) => Position;
  return build((filename) => `not in ${filename}`);
}

test("encodeMaps() makes the text of a function that knows where each segment comes from", async (context) => {
  const bundled = await bundleOf(context, PROGRAM);
  const position = positionOf(encodeMaps(bundled));
  for (const module of bundled.modules) {
    const { segments } = mapOf(module);
    for (const [index, segment] of segments.entries()) {
      const [line, column] = [segment.generatedLine + 1, segment.generatedColumn + 1];
      const next = segments[index + 1];
      // Of two at one place the later counts.
      if (next?.generatedLine === segment.generatedLine && next.generatedColumn === segment.generatedColumn)
        continue;
      const expected = `${segment.sourceLine + 1}:${segment.sourceColumn + 1}`;
      assert.equal(position(module.filename, line, column), expected);
    }
  }
  assert.ok(mapOf(moduleOf(bundled, "lib/twice.ts")).segments.length > 5);
  assert.equal(position("elsewhere.ts", 1, 1), "not in elsewhere.ts");
});

test("encodeMaps() takes any character in a filename, and knows the groups that are sent only", async (context) => {
  const name = '\u2028 "quo\'te" ü😀.ts';
  const bundled = await bundleOf(context, {
    "main.ts": `import ${JSON.stringify(`./${name}`)};\nvoid import("./lazy.ts");`,
    [name]: "\n\nexport const here = 1;",
    "lazy.ts": "\nexport const lazy = 2;",
  });
  const [sent, all] = [positionOf(encodeMaps(bundled)), positionOf(encodeMaps(bundled, ["lazy.ts"]))];
  assert.match(sent(name, 3, 1000), /^3:\d+$/);
  assert.equal(sent("lazy.ts", 2, 1), "not in lazy.ts");
  assert.match(all("lazy.ts", 2, 1000), /^2:\d+$/);
});
