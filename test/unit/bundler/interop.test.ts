import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { bundle } from "../../../bundler/bundle.ts";
import { runBundle, writeProgram } from "./program.ts";
import type { Files } from "./program.ts";

/** What a program prints when its compiled modules are run. */
async function outputOf(context: TestContext, files: Files, entry = "main.ts"): Promise<string> {
  return runBundle(context, await bundle(join(await writeProgram(context, files), entry)));
}

function optionalRequire(name: string): string {
  return `try { require(${JSON.stringify(name)}); } catch (error) { console.log(error.code); }`;
}

const PLAIN = "module.exports = { name: 'plain' };";
const MARKED = "exports.__esModule = true; exports.default = 'marked default'; exports.name = 'marked';";
const ESM = "export default 'esm default'; export const name = 'esm';";

const IMPORTS = `
  import plain, * as plainSpace from "./plain.cjs";
  import marked from "./marked.cjs";
  import esm, { name } from "./esm.mjs";
  import path from "node:path";
  import data from "./data.json";
  const lazy = [import("./plain.cjs"), import("./marked.cjs"), import("./esm.mjs")];
  Promise.all(lazy).then((spaces) => console.log(JSON.stringify([
    plain, plainSpace.name, marked, esm, name, typeof path.join, data, spaces.map((space) => space.default),
  ])));`;

const MODULES = { "plain.cjs": PLAIN, "marked.cjs": MARKED, "esm.mjs": ESM, "data.json": '{"a":1}' };
const EVERYTHING = { __esModule: true, default: "marked default", name: "marked" };

test("in a module that is ESM for Node, CommonJS' default is module.exports, ESM's is its own", async (context) => {
  const expected = [
    { name: "plain" },
    "plain",
    EVERYTHING,
    "esm default",
    "esm",
    "function",
    { a: 1 },
    [{ name: "plain" }, EVERYTHING, "esm default"],
  ];
  for (const [entry, manifest] of [
    ["main.mts", "{}"],
    ["main.mjs", "{}"],
    ["main.ts", '{"type":"module"}'],
    ["main.js", '{"type":"module"}'],
  ] as const) {
    const output = await outputOf(context, { ...MODULES, [entry]: IMPORTS, "package.json": manifest }, entry);
    assert.deepEqual(JSON.parse(output), expected, entry);
  }
});

test("in TypeScript that is CommonJS for Node, a marked default is the one that was marked", async (context) => {
  const output = await outputOf(context, { ...MODULES, "main.ts": IMPORTS });
  assert.deepEqual(JSON.parse(output), [
    { name: "plain" },
    "plain",
    "marked default",
    "esm default",
    "esm",
    "function",
    { a: 1 },
    [{ name: "plain" }, "marked default", "esm default"],
  ]);
});

test("CommonJS gets an ES module's exports, marked, live and with its default", async (context) => {
  const output = await outputOf(
    context,
    {
      "main.cjs": `
        const counter = require("./counter.ts");
        const before = counter.count;
        counter.raise();
        console.log(JSON.stringify([counter.__esModule, counter.default, before, counter.count]));`,
      "counter.ts": "export let count = 0; export function raise() { count++; } export default 'd';",
    },
    "main.cjs",
  );
  assert.deepEqual(JSON.parse(output), [true, "d", 0, 1]);
});

test("import x = require() gives module.exports", async (context) => {
  const output = await outputOf(context, {
    "main.ts": 'import f = require("./f.cjs"); console.log(f());',
    "f.cjs": "module.exports = () => 'called';",
  });
  assert.equal(output, "called\n");
});

test("ES modules in a cycle see each other's functions", async (context) => {
  const output = await outputOf(context, {
    "main.ts": 'import { even } from "./even.ts"; console.log(even(10));',
    "even.ts":
      'import { odd } from "./odd.ts"; export function even(n: number): boolean { return n === 0 || odd(n - 1); }',
    "odd.ts":
      'import { even } from "./even.ts"; export function odd(n: number): boolean { return n !== 0 && even(n - 1); }',
  });
  assert.equal(output, "true\n");
});

test("ES modules are strict, CommonJS without the directive is not", async (context) => {
  const sloppy = "(function () { return this === undefined ? 'strict' : 'sloppy'; })()";
  const output = await outputOf(
    context,
    {
      "main.js": `import "./only-a-side-effect.mjs"; import s from "./s.cjs"; console.log("main", ${sloppy}, s);`,
      "only-a-side-effect.mjs": `console.log("mjs", ${sloppy});`,
      "s.cjs": `module.exports = ${sloppy};`,
    },
    "main.js",
  );
  assert.equal(output, "mjs strict\nmain strict sloppy\n");
});

test("import.meta has url, filename and dirname", async (context) => {
  const output = await outputOf(
    context,
    {
      "a b#c/main.mts": `
      import { fileURLToPath, pathToFileURL } from "node:url";
      console.log(fileURLToPath(import.meta.url) === __filename, pathToFileURL(__filename).href === import.meta.url);
      console.log(import.meta.filename === __filename, import.meta.dirname === __dirname);`,
    },
    "a b#c/main.mts",
  );
  assert.equal(output, "true true\ntrue true\n");
});

test("an optional dependency that is missing throws MODULE_NOT_FOUND where it is required", async (context) => {
  const output = await outputOf(
    context,
    {
      "main.cjs": `${optionalRequire("not-installed")} ${optionalRequire("./missing.js")} require("pkg");`,
      "node_modules/pkg/index.js": `${optionalRequire("./addon.node")} ${optionalRequire("./fast.js")}`,
      "node_modules/pkg/fast.js": 'module.exports = require("./addon.node");',
      "node_modules/pkg/addon.node": "machine code",
    },
    "main.cjs",
  );
  assert.equal(output, "MODULE_NOT_FOUND\n".repeat(4));
});

test("a class that mentions itself keeps its name", async (context) => {
  const output = await outputOf(context, {
    "main.ts": `
      export class Failure extends Error { static count = 0; constructor() { super("x"); Failure.count++; } }
      class $Odd { static all = [$Odd]; static { $Odd.all.push($Odd); } }
      console.log(Failure.name, new Failure().constructor.name, Failure.count, $Odd.name, $Odd.all.length);`,
  });
  assert.equal(output, "Failure Failure 1 $Odd 2\n");
});

test("a package's BigInt and import.meta do not stop the bundle", async (context) => {
  const output = await outputOf(
    context,
    {
      "main.mts": 'import { big, mode } from "pkg"; console.log(typeof big, mode);',
      "node_modules/pkg/package.json": '{"type":"module"}',
      "node_modules/pkg/index.js": "export const big = 10n; export const mode = import.meta.env?.MODE;",
    },
    "main.mts",
  );
  assert.equal(output, "bigint undefined\n");
});

test("text beyond ASCII, lines and templates come out as they went in", async (context) => {
  const output = await outputOf(context, {
    "main.ts": `
      const tag = (parts: TemplateStringsArray, ...values: unknown[]) => JSON.stringify([parts.raw, parts, values]);
      console.log("é€😀\\u2028", \`one
two \${"\\n"}\\n\`, tag\`a\\n
b\${1}\`);`,
  });
  assert.equal(output, 'é€😀\u2028 one\ntwo \n\n [["a\\\\n\\nb",""],["a\\n\\nb",""],[1]]\n');
});
