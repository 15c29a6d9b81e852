import assert from "node:assert/strict";
import { cp, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { bundle } from "../../../bundler/bundle.ts";
import type { BundleOptions } from "../../../bundler/bundle.ts";
import type { Bundle } from "../../../bundler/format.ts";
import { filenamesOf, mapOf, moduleOf, textOf, writeFiles, writeProgram } from "./program.ts";
import type { Files } from "./program.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

async function bundleOf(context: TestContext, files: Files, options?: BundleOptions): Promise<Bundle> {
  return bundle(join(await writeProgram(context, files), "main.ts"), options);
}

test("bundle() makes a module of each file that the entry reaches, the entry first", async (context) => {
  const made = await bundleOf(context, {
    "main.ts":
      'import "./lib/a.ts"; import data from "./data.json" with { type: "json" }; console.log(data);',
    "lib/a.ts": 'import b = require("../b.cjs"); import "left-pad"; export { b };',
    "b.cjs": 'module.exports = require("./data");',
    "node_modules/left-pad/package.json": '{"sideEffects":false}',
    "data.json": '{"one":1}',
    "unused.ts": "throw 1;",
    "node_modules/left-pad/index.js": "exports.pad = 1;",
  });
  assert.equal(made.entry, "main.ts");
  assert.deepEqual(filenamesOf(made), [
    "main.ts",
    "lib/a.ts",
    "node_modules/left-pad/index.js",
    "b.cjs",
    "data.json",
  ]);
});

test("bundle() lists each specifier once, static before dynamic, and strips node: where Node 8 has the name", async (context) => {
  const made = await bundleOf(context, {
    "main.ts": `
      import { loaded } from "sshuttle:loader";
      import * as fs from "node:fs";
      import * as again from "fs";
      import * as testing from "node:test";
      export const later = () => import("./a.ts");
      import { a } from "./a.ts";
      console.log(fs, again, testing, a, loaded, require("node:path"));`,
    "a.ts": "export const a = 1;",
  });
  assert.deepEqual(moduleOf(made, "main.ts").imports, [
    { specifier: "sshuttle:loader", filename: undefined, kind: "static" },
    { specifier: "fs", filename: undefined, kind: "static" },
    { specifier: "node:test", filename: undefined, kind: "static" },
    { specifier: "./a.ts", filename: "a.ts", kind: "static" },
    { specifier: "path", filename: undefined, kind: "static" },
  ]);
  const text = textOf(made, "main.ts");
  assert.doesNotMatch(text, /node:(fs|path)/);
  assert.match(text, /require\("node:test"\)/);
});

test("bundle() leaves a string alone that only looks like an import", async (context) => {
  const made = await bundleOf(context, {
    "main.ts": `console.log('__toESM(require("node:fs"),1)', '_A=class _A', require("node:fs"));`,
  });
  const text = textOf(made, "main.ts");
  assert.match(text, /'__toESM\(require\("node:fs"\),1\)'/);
  assert.match(text, /'?_A=class _A/);
  assert.match(text, /,\s*require\("fs"\)\)/);
});

test("bundle() follows the conditions that Node knows, those of the options, and no others", async (context) => {
  const files = {
    "main.ts": 'import { x } from "pkg"; import y = require("pkg"); console.log(x, y);',
    "other.cjs": 'require("pkg"); require("pkg/custom"); require("old")',
    "node_modules/pkg/package.json": JSON.stringify({
      exports: {
        ".": { browser: "./no.js", module: "./no.js", import: "./import.mjs", require: "./require.js" },
        "./custom": { special: "./special.js", default: "./default.js" },
      },
    }),
    "node_modules/pkg/import.mjs": "export const x = 1;",
    "node_modules/pkg/require.js": "exports.x = 2;",
    "node_modules/pkg/special.js": "",
    "node_modules/pkg/default.js": "",
    "node_modules/old/package.json": '{"main":"./lib/main","browser":"./no.js","module":"./no.js"}',
    "node_modules/old/lib/main.js": "",
  };
  const folder = await writeProgram(context, files);
  assert.deepEqual(filenamesOf(await bundle(join(folder, "main.ts"))), [
    "main.ts",
    "node_modules/pkg/import.mjs",
  ]);
  const names = filenamesOf(await bundle(join(folder, "other.cjs")));
  assert.deepEqual(names.slice(1), [
    "node_modules/pkg/require.js",
    "node_modules/pkg/default.js",
    "node_modules/old/lib/main.js",
  ]);
  const special = await bundle(join(folder, "other.cjs"), { conditions: ["special"] });
  assert.ok(filenamesOf(special).includes("node_modules/pkg/special.js"));
});

test("bundle() follows require.resolve to modules, and leaves what is none to the far side", async (context) => {
  const folder = await writeProgram(context, {
    "main.js": `require.resolve("./a"); require.resolve("./page.html"); require.resolve("outside"); require.resolve("fs"); import("./lazy.js");`,
    "a.ts": "export const a: number = 1;",
    "page.html": "<p>",
    "lazy.js": `exports.name = require.resolve("./of-lazy.js");`,
    "of-lazy.js": "exports.x = 1;",
    "node_modules/outside/index.js": "exports.y = 1;",
  });
  const made = await bundle(join(folder, "main.js"), { external: ["outside"] });
  assert.deepEqual(
    made.modules.map(({ filename, group }) => [filename, group]),
    [
      ["main.js", ""],
      ["a.ts", ""],
      ["lazy.js", "lazy.js"],
      ["of-lazy.js", "lazy.js"],
    ],
  );
  assert.deepEqual(
    moduleOf(made, "main.js").imports.map(({ specifier, kind }) => [specifier, kind]),
    [
      ["./lazy.js", "dynamic"],
      ["./a", "static"],
    ],
  );
});

test("bundle() leaves external names to the far side", async (context) => {
  const made = await bundleOf(context, { "main.ts": 'import "there";' }, { external: ["there"] });
  assert.deepEqual(moduleOf(made, "main.ts").imports, [
    { specifier: "there", filename: undefined, kind: "static" },
  ]);
});

test("bundle() replaces what the options define", async (context) => {
  const made = await bundleOf(
    context,
    { "main.ts": "if (process.env.MODE === 'x') require('./x.cjs');", "x.cjs": "" },
    { define: { "process.env.MODE": '"y"' } },
  );
  assert.deepEqual(filenamesOf(made), ["main.ts"]);
});

test("bundle() makes each dynamic import a group", async (context) => {
  const made = await bundleOf(context, {
    "main.ts": 'import "./shared.ts"; export const lazy = () => import("./lazy.ts");',
    "shared.ts": "export const shared = 1;",
    "lazy.ts": 'export { shared } from "./shared.ts"; export { helper } from "./helper.ts";',
    "helper.ts": "export const helper = 2;",
  });
  assert.deepEqual(
    made.modules.map(({ filename, group }) => [filename, group]),
    [
      ["main.ts", ""],
      ["shared.ts", ""],
      ["lazy.ts", "lazy.ts"],
      ["helper.ts", "lazy.ts"],
    ],
  );
  assert.equal(moduleOf(made, "main.ts").imports[1]?.kind, "dynamic");
  assert.doesNotMatch(textOf(made, "main.ts"), /import\(/);
});

test("bundle() maps each module to its one source, lines and columns", async (context) => {
  const made = await bundleOf(context, {
    "main.ts": "interface A {\n  a: 1;\n}\n\nexport function f(): never {\n  throw new Error('x');\n}\n",
    "data.json": "{}",
  });
  const { sources, segments } = mapOf(moduleOf(made, "main.ts"));
  assert.deepEqual(sources, ["main.ts"]);
  const lines = textOf(made, "main.ts").split("\n");
  assert.equal(lines[5], 'throw new Error("x")');
  const error = segments.find((segment) => segment.generatedLine === 5 && segment.generatedColumn === 6);
  assert.deepEqual([error?.sourceLine, error?.sourceColumn], [5, 8]);
});

test("bundle() maps to the file that a package ships, whatever map it ships", async (context) => {
  const foreign = Buffer.from('{"version":3,"sources":["../src/x.ts"],"mappings":"AAEA"}').toString("base64");
  const made = await bundleOf(context, {
    "main.ts": 'import "pkg";',
    "node_modules/pkg/index.js": `a();\nb();\n//# sourceMappingURL=data:application/json;base64,${foreign}`,
  });
  const { sources, segments } = mapOf(moduleOf(made, "node_modules/pkg/index.js"));
  assert.deepEqual(sources, ["node_modules/pkg/index.js"]);
  assert.deepEqual([...new Set(segments.map(({ sourceLine }) => sourceLine))], [0, 1]);
});

test("bundle() gives JSON an empty map", async (context) => {
  const made = await bundleOf(context, { "main.ts": 'import "./a.json";', "a.json": '{"a":\n1}' });
  assert.deepEqual(mapOf(moduleOf(made, "a.json")), { sources: ["a.json"], segments: [] });
});

test("bundle() compiles for Node 8 and keeps identifiers", async (context) => {
  const made = await bundleOf(context, {
    "main.ts": `
      export class Reader { #private = 1; static count = 0; read(options?: { size?: number }) {
        try { return { ...options, size: options?.size ?? this.#private }; } catch { Reader.count **= 2; }
      } }
      export async function* all(longName: number) { for await (const item of [longName]) yield item; }`,
  });
  const text = textOf(made, "main.ts");
  assert.doesNotMatch(text, /\?\?|\?\.|#private|catch\{|for await|static|async function\s*\*/);
  assert.match(text, /longName/);
  assert.match(text, /class Reader\b/);
});

test("bundle() keeps the line of each statement below a hashbang, which it drops", async (context) => {
  const made = await bundleOf(context, { "main.ts": "#!/usr/bin/env node\nfirst();\n\nthird();\n" });
  const lines = textOf(made, "main.ts").split("\n");
  assert.doesNotMatch(textOf(made, "main.ts"), /#!/);
  assert.equal(lines[1], "first();");
  assert.equal(lines[3], "third();");
});

test("bundle() names packages outside of the project as if they were in it", async (context) => {
  const folder = await writeProgram(context, {
    "app/package.json": "{}",
    "app/main.ts": 'import "left-pad"; import "linked";',
    "node_modules/left-pad/index.js": "",
    "elsewhere/node_modules/linked/index.js": "",
  });
  await symlink("../elsewhere/node_modules", join(folder, "app/node_modules"));
  assert.deepEqual(filenamesOf(await bundle(join(folder, "app/main.ts"))), [
    "main.ts",
    "node_modules/left-pad/index.js",
    "node_modules/linked/index.js",
  ]);
});

test("bundle() names all from a common folder when sources lie outside of the project", async (context) => {
  const folder = await writeProgram(context, {
    "app/package.json": "{}",
    "app/main.ts": 'import "../lib/a.ts";',
    "lib/a.ts": "export {}",
  });
  const made = await bundle(join(folder, "app/main.ts"));
  assert.deepEqual(filenamesOf(made), ["app/main.ts", "lib/a.ts"]);
  assert.equal(made.entry, "app/main.ts");
});

test("bundle() takes the root from the options", async (context) => {
  const folder = await writeProgram(context, { "src/main.ts": "" });
  assert.deepEqual(filenamesOf(await bundle(join(folder, "src/main.ts"))), ["src/main.ts"]);
  const options = { root: join(folder, "src") };
  assert.deepEqual(filenamesOf(await bundle(join(folder, "src/main.ts"), options)), ["main.ts"]);
});

test("bundle() uses the dictionary where it saves", async (context) => {
  const body =
    'export function describe(): string { return "a sentence that both modules have in common"; }\n';
  const made = await bundleOf(context, { "main.ts": `import "./a.ts";\n${body}`, "a.ts": body });
  assert.equal(moduleOf(made, "main.ts").usesDictionary, false);
  assert.equal(moduleOf(made, "a.ts").usesDictionary, true);
  assert.ok(moduleOf(made, "a.ts").chunk.length * 3 < moduleOf(made, "main.ts").chunk.length);
});

const DETERMINISTIC: Files = {
  "main.ts": `import { a } from "./lib"; import "./index.ts"; import pad from "left-pad";
    console.log(a, pad, import.meta.url, () => import("./lazy.ts"));`,
  "index.ts": "export class Index { static all = Index; }",
  "lib/index.ts": 'import data from "./d.json"; export const a = data; export default class {}',
  "lib/d.json": '{"a":"x\\ny"}',
  "lazy.ts": 'export * from "./lib";',
  "node_modules/left-pad/index.js": "module.exports = require('./x'); try { require('gone') } catch {}",
  "node_modules/left-pad/x.js": "exports.__esModule = true; exports.x = `a\n${1}`;",
};

test("bundle() gives the same bytes twice, and in another folder with another name", async (context) => {
  const short = await writeProgram(context, DETERMINISTIC, "a");
  const long = await writeProgram(context, {}, "another-and-much-longer-name-");
  await writeFiles(join(long, "deep/er"), { "package.json": "{}", ...DETERMINISTIC });
  const first = await bundle(join(short, "main.ts"));
  assert.deepEqual(await bundle(join(short, "main.ts")), first);
  assert.deepEqual(await bundle(join(long, "deep/er/main.ts")), first);
  for (const { filename } of first.modules) assert.ok(!textOf(first, filename).includes(short), filename);
});

test("bundle() gives the tunnel's agent the same bytes in a copy of the project", async (context) => {
  const copy = await writeProgram(context, {}, "copy-of-the-project-");
  for (const name of ["agent-src", "tsconfig.json", "package.json"]) {
    await cp(join(ROOT, name), join(copy, name), { recursive: true });
  }
  const made = await bundle(join(copy, "agent-src/main.ts"));
  assert.deepEqual(made, await bundle(join(ROOT, "agent-src/main.ts")));
});

test("bundle() changes its hash with a text, an edge or a name", async (context) => {
  const hash = async (files: Files): Promise<string> => (await bundleOf(context, files)).hash;
  const base = { "main.ts": 'import "./a.ts"; import "./b.ts";', "a.ts": "", "b.ts": "" };
  const hashes = [
    await hash(base),
    await hash({ ...base, "b.ts": "1;f();" }),
    await hash({ ...base, "main.ts": 'import "./b.ts"; import "./a.ts";' }),
    await hash({ ...base, "main.ts": 'import "./a.ts"; import "./c.ts";', "c.ts": "" }),
  ];
  assert.equal(new Set(hashes).size, hashes.length);
  assert.equal(await hash({ ...base, "a.ts": "// only a comment" }), hashes[0]);
});
