/**
 * What a module sees of itself and of others. Each program prints the same on the far side as its compiled files
 * do when they stand on disk and the same runtime's own loader takes them.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { bundle } from "../../bundler/bundle.ts";
import { inflateModules } from "../../bundler/inflate.ts";
import { testOn } from "../lab/runtime-limits.ts";
import { RUNTIMES, fileOptions, runtimePath } from "../lab/runtimes.ts";
import { writeProgram } from "../unit/bundler/program.ts";
import type { Files } from "../unit/bundler/program.ts";
import { runHere, runThere } from "./far-side.ts";

const PRINT = "const print = (...values) => console.log(JSON.stringify(values));";

const PROGRAMS: Readonly<Record<string, Files>> = {
  "a cycle shows what has been exported so far": {
    "main.js": `${PRINT} exports.early = 1; const b = require("./b.js"); exports.late = 2; print(b, b.seen(), Object.keys(require("./b.js")));`,
    "b.js": `const main = require("./main.js"); const then = Object.keys(main); exports.then = then; exports.seen = () => Object.keys(main);`,
  },
  "a cycle of three comes back to the same objects": {
    "main.js": `${PRINT} const a = require("./a.js"); print(a.b.c.a === a, a.b.c.late(), require("./b.js") === a.b);`,
    "a.js": `exports.b = require("./b.js"); exports.name = "a";`,
    "b.js": `exports.c = require("./c.js"); exports.name = "b";`,
    "c.js": `exports.a = require("./a.js"); exports.late = () => exports.a.name + exports.a.b.name;`,
  },
  "module.exports reassigned is what others get, and in a cycle what there was before": {
    "main.js": `${PRINT} const make = require("./make.js"); print(typeof make, make(), require("./peek.js"), require("./make.js") === make);`,
    "make.js": `exports.lost = 1; const peek = require("./peek.js"); module.exports = () => "made"; module.exports.peeked = peek; exports.gone = 1;`,
    "peek.js": `const make = require("./make.js"); module.exports = [typeof make, Object.keys(make)];`,
  },
  "exports added late are seen by those who required before": {
    "main.js": `${PRINT} const late = require("./late.js"); const before = Object.keys(late); (function wait() { if ("added" in late) print(before, late); else setImmediate(wait); })();`,
    "late.js": `setImmediate(() => { exports.added = "late"; });`,
  },
  "JSON is parsed once, and is one object": {
    "main.js": `${PRINT} const data = require("./data.json"); data.changed = true; print(require("./again.js"), data["__proto__x"], require.cache[require.resolve("./data.json")].loaded);`,
    "again.js": `module.exports = require("./data.json");`,
    "data.json": `{ "text": "a\\u2028b</script>", "list": [1, null, -0.5e3], "__proto__x": "ok" }`,
  },
  "defaults cross between ES modules and CommonJS both ways": {
    "main.js": `import plain, * as space from "./plain.cjs"; import { named } from "./esm.js"; import marked from "./marked.cjs"; import both from "./both.cjs";
      console.log(JSON.stringify([plain, Object.keys(space).sort(), named, marked, both]));`,
    "plain.cjs": `module.exports = { a: 1 };`,
    "marked.cjs": `exports.__esModule = true; exports.default = "marked";`,
    "esm.js": `export default class Thing {} export const named = "n"; export let counter = 0; export function raise() { counter += 1; }`,
    "both.cjs": `const esm = require("./esm.js"); esm.raise(); module.exports = [esm.__esModule, typeof esm.default, new esm.default().constructor.name, esm.counter, Object.keys(esm).sort()];`,
  },
  "an ES module's exports are live in a cycle": {
    "main.js": `import { read } from "./reader.js"; export let value = "first"; export function change() { value = "second"; } console.log(read()); change(); console.log(read());`,
    "reader.js": `import { value } from "./main.js"; export const read = () => value;`,
  },
  "__filename and __dirname are those of the module": {
    "main.js": `${PRINT} print(__filename, __dirname, require("./lib/deep/where.js"), require("pkg"));`,
    "lib/deep/where.js": `module.exports = [__filename, __dirname, require("path").resolve(__dirname, "../other.js"), module.id, module.filename];`,
    "node_modules/pkg/index.js": `module.exports = [__filename, __dirname];`,
    "node_modules/pkg/package.json": `{ "name": "pkg" }`,
  },
  "require.cache has the modules so far, and what leaves it is evaluated again": {
    "main.js": `${PRINT} const first = require("./count.js"); const keys = Object.keys(require.cache); const name = require.resolve("./count.js");
      delete require.cache[name]; const second = require("./count.js"); print(keys, first, second, first === second, require("module")._cache === require.cache);
      require.cache[name].exports = "replaced"; print(require("./count.js"));
      require.cache[require.resolve("./other.js")] = { exports: "planted", loaded: true, id: "x", children: [] }; print(require("./other.js"));`,
    "count.js": `global.counted = (global.counted || 0) + 1; exports.count = global.counted;`,
    "other.js": `throw new Error("not evaluated");`,
  },
  "require.main is the entry's module, and process.argv names it": {
    "main.js": `${PRINT} print(require.main === module, require.main.filename, require("./other.js"), process.mainModule === module, process.argv.slice(1), module.id);`,
    "other.js": `module.exports = [require.main === module, require.main.filename, require.main.id, require.main.loaded];`,
  },
  "a module that throws while loading leaves the cache, and is evaluated again": {
    "main.js": `${PRINT} const tries = []; for (let i = 0; i < 3; i++) { try { tries.push(require("./third-time.js")); } catch (error) { tries.push(error.message, require.resolve("./third-time.js") in require.cache); } }
      print(tries, module.children.map((child) => child.id), require("./helper.js"));`,
    "third-time.js": `require("./helper.js").count++; if (require("./helper.js").count < 3) throw new Error("no " + require("./helper.js").count); exports.value = "at last";`,
    "helper.js": `exports.count = 0;`,
  },
  "a cycle one of whose modules throws": {
    "main.js": `${PRINT} try { require("./a.js"); } catch (error) { print(error.message, Object.keys(require.cache)); } global.calm = true; print(require("./a.js"));`,
    "a.js": `exports.b = require("./b.js"); if (!global.calm) throw new Error("a"); exports.done = 1;`,
    "b.js": `exports.partial = Object.keys(require("./a.js"));`,
  },
  "require.resolve gives names, built-ins, and the error for what is not there": {
    "main.js": `${PRINT} print(require.resolve("./lib/x.js"), require.resolve("fs"), require("./lib/x.js"));
      const report = (error) => print(error.code, error.message, error.requireStack);
      try { require("./not-there.js"); } catch (error) { report(error); }
      try { require("not-there/either"); } catch (error) { report(error); }
      try { require.resolve("./nor-there.js"); } catch (error) { report(error); }`,
    "lib/x.js": `module.exports = [require("../main.js") && require.resolve("../main.js"), require.resolve(__filename), typeof require.resolve.paths, require.resolve.paths("./y")];`,
  },
  "module.children, parent, loaded and id tell how the program was loaded": {
    "main.js": `${PRINT} const a = require("./a.js"); require("./b.js"); require("./a.js");
      const tree = (m) => [m.id, m.loaded, m.parent && m.parent.id, m.children.map(tree)]; print(tree(module), a.whileLoading);`,
    "a.js": `exports.whileLoading = [module.loaded, module.parent.id, module.children.length]; require("./b.js"); require("./c.js");`,
    "b.js": `require("./c.js");`,
    "c.js": `exports.c = 1;`,
  },
  "modules are evaluated when they are first required, each once": {
    "main.js": `console.log("main"); require("./a.js"); if (process.argv.length > 99) require("./never.js"); const later = () => require("./later.js"); console.log("between"); later(); later(); require("./a.js");`,
    "a.js": `console.log("a"); require("./b.js"); console.log("a again");`,
    "b.js": `console.log("b");`,
    "never.js": `console.log("never");`,
    "later.js": `console.log("later");`,
  },
  "a module's scope is that of a function with five arguments": {
    "main.js": `${PRINT} print(this === module.exports, arguments.length, typeof exports, require.length, typeof module.require, module.require("./sloppy.js"));
      var leak = 1; print(typeof global.leak, typeof require.extensions, Object.keys(require).sort());`,
    "sloppy.js": `module.exports = [(function () { return this === global; })(), (function () { "use strict"; return this; })() === undefined]; undeclared = 1; delete global.undeclared;`,
  },
  "nothing is global that is not so in a program of its own": {
    "main.js": `const names = Object.getOwnPropertyNames(global).sort(); console.log(names.filter((name) => !/^(?:DTRACE|LTTNG|COUNTER)_/.test(name)).join(" "), typeof process.mainModule);`,
  },
  "createRequire makes a require for the place of a module": {
    "main.js": `${PRINT} const { createRequire, createRequireFromPath } = require("module"); const make = createRequire || createRequireFromPath;
      print(make ? make(__filename)("./lib/x.js") : require("./lib/x.js"));`,
    "lib/x.js": `module.exports = "x";`,
  },
  "ticks, promises, timers and immediates come in their order": {
    "main.js": `const log = (what) => () => console.log(what); setImmediate(() => { console.log("immediate"); setTimeout(() => { console.log("timer"); Promise.resolve().then(log("promise in timer")); process.nextTick(log("tick in timer")); }, 1); });
      Promise.resolve().then(log("promise")).then(log("promise again")); process.nextTick(log("tick")); process.nextTick(() => { Promise.resolve().then(log("promise in tick")); process.nextTick(log("tick in tick")); }); console.log("main"); require("./other.js");`,
    "other.js": `process.nextTick(() => console.log("tick of another module")); console.log("other");`,
  },
  "arguments, environment and exit status are the program's own": {
    "main.js": `${PRINT} print(process.argv.slice(2), process.exitCode, process.stdin.listenerCount("readable")); process.exitCode = 7;`,
  },
};

const ARGS = ["one", 't\'wo "3"', "", "-e", "ü\u2028"];

/** The compiled texts as files under their own names, beside the packages' own package.json. */
async function writeCompiled(
  context: TestContext,
  files: Files,
  texts: ReadonlyMap<string, Uint8Array>,
): Promise<string> {
  const json = Object.entries(files).filter(([name]) => name.endsWith(".json"));
  const compiled = [...texts].map(([name, text]) => [name, Buffer.from(text).toString()]);
  // Deno takes nothing for CommonJS that does not say so.
  const own = ["package.json", `{ "type": "commonjs" }`];
  return writeProgram(context, Object.fromEntries([own, ...compiled, ...json]), "compiled-");
}

for (const runtime of RUNTIMES) {
  test(`${runtime.label}: modules are those of its own loader`, async (context) => {
    const path = await runtimePath(runtime.pin);
    for (const [title, files] of Object.entries(PROGRAMS)) {
      await testOn(
        runtime,
        title,
        async (inner) => {
          const program = await bundle(join(await writeProgram(inner, files), "main.js"));
          const groups = [...new Set(program.modules.map(({ group }) => group))];
          const folder = await writeCompiled(inner, files, inflateModules(program.modules));
          const [there, here] = await Promise.all([
            runThere({ bundle: program, args: ARGS, runtime: path, groups }),
            runHere(path, [...fileOptions(runtime), "main.js", ...ARGS], folder),
          ]);
          const expected = {
            ...here,
            stdout: here.stdout.replaceAll(`${folder}/`, "/").replaceAll(folder, "/"),
          };
          assert.notEqual(expected.stdout, "");
          assert.deepEqual(there, expected);
        },
        (name, act) => context.test(name, act),
      );
    }
  });
}

/**
 * What packages offer by conditions is chosen when the bundle is made, as the sources' own Node would choose; and old
 * runtimes know no import().
 */
const AS_SOURCES: Readonly<Record<string, Files>> = {
  "import() gives the namespace later, and the same one": {
    "main.mjs": `${PRINT} print("before"); Promise.all([import("./lazy.mjs"), import("./lazy.mjs"), import("./plain.cjs")]).then(([a, b, c]) => print(a.default, a.named, a.default === b.default, Object.keys(a), c.default)); print("after");`,
    "lazy.mjs": `console.log("evaluated"); export default { x: 1 }; export const named = 2;`,
    "plain.cjs": `module.exports = ["plain"];`,
  },
  "import() of a module that throws rejects with what it threw": {
    "main.mjs": `import("./throws.mjs").catch((error) => console.log(error.message)).then(() => import("./throws.mjs")).catch((error) => console.log(error.message));`,
    "throws.mjs": `throw new Error("thrown");`,
  },
  "a package's exports, by condition, subpath, pattern and name of its own": {
    "main.cjs": `${PRINT} print(require("pkg"), require("pkg/sub"), require("pkg/features/x.js"), require("pkg/self"));`,
    "node_modules/pkg/package.json": `{ "name": "pkg", "main": "./wrong.js", "imports": { "#inner": "./lib/inner.js" }, "exports": {
      ".": { "browser": "./wrong.js", "module": "./wrong.js", "node": { "import": "./wrong.js", "require": "./lib/for-require.js" }, "default": "./wrong.js" },
      "./sub": ["./lib/sub.js"], "./features/*.js": "./lib/features/*.js", "./self": "./lib/self.js" } }`,
    "node_modules/pkg/wrong.js": `module.exports = "wrong";`,
    "node_modules/pkg/lib/for-require.js": `module.exports = ["for require", require("#inner")];`,
    "node_modules/pkg/lib/inner.js": `module.exports = "inner";`,
    "node_modules/pkg/lib/sub.js": `module.exports = "sub";`,
    "node_modules/pkg/lib/features/x.js": `module.exports = "feature x";`,
    "node_modules/pkg/lib/self.js": `module.exports = require("pkg/sub") + " by its own name";`,
  },
  "ES modules that declare exports, __filename and __dirname, which CommonJS has": {
    "main.mjs": `import { basename, dirname } from "path"; import { URL } from "url"; import { places } from "./places.mjs"; import * as names from "./names.mjs"; import "./reexports.mjs";
      const __filename = new URL(import.meta.url).pathname; const __dirname = dirname(__filename); let exports = 1; exports += 1;
      console.log(JSON.stringify([basename(__filename), __dirname === dirname(new URL(import.meta.url).pathname), exports, places(), { ...names }, names.default()]));`,
    "places.mjs": `const __dirname = "mine"; var __filename = "too"; const require = (x) => x; let module = require(3); export function places() { return [__dirname, __filename, module, typeof import.meta.url]; }`,
    "names.mjs": `export function __filename() { return "function"; } export class exports {} export const list = [typeof exports, __filename()]; export { list as "__dirname" }; export default () => __filename() + new exports().constructor.name;`,
    "reexports.mjs": `export * from "./names.mjs"; const exports = {}; console.log(Object.keys(exports).length);`,
  },
  "what require.resolve alone asks for": {
    "main.cjs": `${PRINT} const path = require.resolve("./asked.cjs"); const name = (file) => file.split("/").pop(); print(name(path), require(path), name(require.resolve("pkg")), require(require.resolve("pkg/package.json")).name);
      for (const other of ["./not-there.cjs", "not-there"]) try { require.resolve(other); } catch (error) { print(error.code); }`,
    "asked.cjs": `module.exports = ["asked", require(require.resolve("./deeper.json")), require("./main.js")];`,
    "main.js": `module.exports = "the other main";`,
    "deeper.json": `{ "deeper": true }`,
    "node_modules/pkg/package.json": `{ "name": "pkg", "main": "lib.js" }`,
    "node_modules/pkg/lib.js": `module.exports = "lib";`,
  },
  "neighbours that import and require one package get the file for each": {
    "main.mjs": `import one from "./imports.mjs"; import two from "./requires.cjs"; import three from "./imports-too.mjs"; console.log(JSON.stringify([one, two, three, one === three]));`,
    "imports.mjs": `import dual from "dual"; export default dual;`,
    "imports-too.mjs": `import dual from "dual"; export default dual;`,
    "requires.cjs": `module.exports = require("dual");`,
    "node_modules/dual/package.json": `{ "name": "dual", "exports": { "import": "./dual.mjs", "require": "./dual.cjs" } }`,
    "node_modules/dual/dual.mjs": `export default { by: "import" };`,
    "node_modules/dual/dual.cjs": `module.exports = { by: "require" };`,
  },
};

for (const [title, files] of Object.entries(AS_SOURCES)) {
  test(`${title}: on each runtime as Node has it with the sources`, async (context) => {
    const folder = await writeProgram(context, files);
    const entry = Object.keys(files)[0] ?? "";
    const program = await bundle(join(folder, entry));
    const expected = await runHere(process.execPath, [entry], folder);
    assert.equal(expected.stderr, "");
    const groups = [...new Set(program.modules.map(({ group }) => group))];
    for (const { pin, label } of RUNTIMES) {
      const there = await runThere({ bundle: program, runtime: await runtimePath(pin), groups });
      assert.deepEqual(there, expected, label);
    }
  });
}
