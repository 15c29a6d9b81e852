import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { bundle } from "../../../bundler/bundle.ts";
import { BundleError } from "../../../bundler/errors.ts";
import { writeProgram } from "./program.ts";
import type { Files } from "./program.ts";

async function failureOf(context: TestContext, files: Files, entry = "main.ts"): Promise<BundleError> {
  const folder = await writeProgram(context, files);
  const error: unknown = await bundle(join(folder, entry)).catch((caught: unknown) => caught);
  assert.ok(error instanceof BundleError, `a BundleError was expected, not ${String(error)}`);
  assert.ok(!error.message.includes(folder) || error.code === "bundle-entry-missing", error.message);
  return error;
}

test("bundle() says that the entry is missing", async (context) => {
  const error = await failureOf(context, {}, "gone.ts");
  assert.equal(error.code, "bundle-entry-missing");
  assert.match(error.message, /^Cannot bundle "\/.*\/gone\.ts": there is no such file$/);
  assert.equal(error.exitCode, 64);
});

test("bundle() says that the entry is a folder", async (context) => {
  const error = await failureOf(context, { "lib/a.ts": "" }, "lib");
  assert.equal(error.code, "bundle-entry-missing");
  assert.match(error.message, /lib": it is not a file$/);
});

test("bundle() shows the place of a syntax error", async (context) => {
  const error = await failureOf(context, {
    "main.ts": 'import "./lib/a.ts";',
    "lib/a.ts": 'const fine = 1;\n\tconst é = "é", = 2;\n',
  });
  assert.equal(error.code, "bundle-syntax");
  assert.equal(
    error.message,
    [
      'Cannot compile "lib/a.ts:2:17": expected identifier but found "="',
      '  2 | \tconst é = "é", = 2;',
      "    | \t               ^",
    ].join("\n"),
  );
});

test("bundle() shows no more than a part of a long line", async (context) => {
  const error = await failureOf(context, {
    "main.ts": `${"a();".repeat(1000)} const = 1; ${"a();".repeat(1000)}`,
  });
  const [, shown = "", marker = ""] = error.message.split("\n");
  assert.ok(shown.length <= 110, shown);
  assert.equal(shown[marker.indexOf("^")], "=");
});

test("bundle() names the place of top-level await", async (context) => {
  const error = await failureOf(context, { "main.ts": 'import "./a.ts";', "a.ts": "export {};\n\nawait 1;" });
  assert.equal(error.code, "bundle-top-level-await");
  assert.match(error.message, /^Cannot bundle "a\.ts:3:1": await outside of a function/);
  assert.match(error.hint ?? "", /async function/);
});

test("bundle() names the place of for await at the top level", async (context) => {
  const error = await failureOf(context, { "main.mts": "for await (const x of []) f(x);" }, "main.mts");
  assert.equal(error.code, "bundle-top-level-await");
});

test("bundle() names the specifier that cannot be resolved and who imports it", async (context) => {
  const relative = await failureOf(context, {
    "main.ts": 'import "./a.ts";',
    "a.ts": '\nimport x from "./gone.ts"; x;',
  });
  assert.equal(relative.code, "bundle-unresolved");
  assert.match(relative.message, /^Cannot resolve "\.\/gone\.ts" from "a\.ts:2:15": there is no such file/);
  assert.equal(relative.hint, undefined);
  const named = await failureOf(context, { "main.ts": 'export const f = () => import("@scope/gone/sub");' });
  assert.equal(named.code, "bundle-unresolved");
  assert.equal(named.hint, "npm install @scope/gone");
});

test("bundle() says why a package does not offer a path", async (context) => {
  const error = await failureOf(context, {
    "main.ts": 'import "pkg/hidden";',
    "node_modules/pkg/package.json": '{"exports":{".":"./index.js"}}',
    "node_modules/pkg/hidden.js": "",
  });
  assert.equal(error.code, "bundle-unresolved");
  assert.match(error.hint ?? "", /not exported by package "pkg"/);
});

test("bundle() names an export that is not there", async (context) => {
  const error = await failureOf(
    context,
    { "main.mjs": 'import { b } from "./a.mjs"; b;', "a.mjs": "export {};" },
    "main.mjs",
  );
  assert.equal(error.code, "bundle-unresolved");
  assert.match(error.message, /^Cannot import "b" at "main\.mjs:1:10": "a\.mjs" does not export it/);
});

test("bundle() refuses machine code that a module cannot do without", async (context) => {
  const error = await failureOf(context, {
    "main.ts": 'import "pkg";',
    "node_modules/pkg/index.js":
      'try { require("./a.node"); } catch {}\nmodule.exports = require("./build/b.node");',
    "node_modules/pkg/a.node": "",
    "node_modules/pkg/build/b.node": "",
  });
  assert.equal(error.code, "bundle-native-addon");
  assert.match(error.message, /^Cannot bundle "node_modules\/pkg\/build\/b\.node": it is machine code/);
  assert.match(error.hint ?? "", /needed by node_modules\/pkg\/index\.js/);
});

test("bundle() refuses machine code that is needed by way of other modules", async (context) => {
  const error = await failureOf(context, {
    "main.ts": 'import "./a.ts";',
    "a.ts": 'import { b } from "pkg"; b;',
    "node_modules/pkg/index.js": 'exports.b = require("./addon.node");',
    "node_modules/pkg/addon.node": "",
  });
  assert.equal(error.code, "bundle-native-addon");
  assert.match(error.message, /^Cannot bundle "node_modules\/pkg\/addon\.node"/);
  assert.match(error.hint ?? "", /^needed by node_modules\/pkg\/index\.js/);
});

test("bundle() refuses BigInt literals", async (context) => {
  const error = await failureOf(context, { "main.ts": "export const a = 1,\n  b = 10n;" });
  assert.equal(error.code, "bundle-unsupported");
  assert.match(error.message, /^Cannot bundle "main\.ts:2:7": BigInt literals/);
});

test("bundle() refuses what import.meta cannot have on the far side", async (context) => {
  const error = await failureOf(context, { "main.mts": 'import.meta.resolve("x");' }, "main.mts");
  assert.equal(error.code, "bundle-unsupported");
  assert.match(
    error.message,
    /^Cannot bundle "main\.mts:1:1": of import\.meta there are url, filename and dirname/,
  );
});

test("bundle() refuses what is not code, and names the importer", async (context) => {
  for (const name of ["style.css", "words.txt", "picture.png"]) {
    const error = await failureOf(context, { "main.ts": `import "./${name}";`, [name]: "body {}" });
    assert.equal(error.code, "bundle-unsupported");
    assert.match(error.message, new RegExp(`^Cannot bundle "${name}" for "main\\.ts": a module is`));
  }
});

test("bundle() is not stopped by files that a computed path might mean", async (context) => {
  const folder = await writeProgram(context, {
    "main.cjs": 'module.exports = (name) => require("./" + name);',
    "README.md": "# not code",
    "picture.png": "",
  });
  const made = await bundle(join(folder, "main.cjs"));
  assert.deepEqual(
    made.modules.map(({ filename }) => filename),
    ["main.cjs"],
  );
});
