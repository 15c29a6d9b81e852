/** What a reader gets who installs the package: the files, the types, and examples that run as they stand in the docs. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { launch } from "../../bootstrap/launch.ts";
import { localTransport } from "../../bootstrap/local.ts";
import { bundle } from "../../bundler/bundle.ts";
import { compileThere, examplesOf, installPackage } from "../packed-package.ts";
import { runHere } from "./far-side.ts";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
const PAGES = ["README.md", "docs/library.md", "docs/bootstrap.md"];

const WRONG_CALLS = `import { callsTo } from "sshuttle/calls";
import type { Agent } from "./agent.ts";
const there = callsTo<Agent>({ stdin: process.stdout, stdout: process.stdin });
await there.list(1);
await there.nothing();
const about: string = await there.about();
const list: string[] = await there.list("/");
console.log(about, list);
`;

const installed = await installPackage();
after(() => installed.remove());
const { folder, files } = installed;
const examples = new Map((await Promise.all(PAGES.map(examplesOf))).flatMap((page) => [...page]));
await compileThere(folder, examples);

interface PackageJson {
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default?: string }>>;
  readonly bin: { readonly sshuttle: string };
}

function run(file: string, ...args: string[]): ReturnType<typeof runHere> {
  return runHere(process.execPath, [file, ...args], folder);
}

const BESIDE_CODE = `
  package.json README.md LICENSE CHANGELOG.md bootstrap/loader.d.ts
  dist/agent.tar dist/run-agent.tar dist/terminal-agent.tar dist/bootstrap/child-stage.txt dist/bootstrap/stage2.txt
  ${readdirSync(join(PROJECT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`)
    .join(" ")}`
  .trim()
  .split(/\s+/);

test("the package holds the stages, the agents, the docs, and code that stands in the sources", () => {
  const missing = BESIDE_CODE.filter((path) => !files.includes(path));
  assert.deepEqual(missing, []);
  for (const path of files.filter((each) => !BESIDE_CODE.includes(each))) {
    const folders = /^dist\/((?:agent-src\/wire|bootstrap|bundler|client)\/.+?)(?:\.d\.ts|\.js|\.js\.map)$/;
    const source = folders.exec(path)?.[1];
    assert.ok(source !== undefined && existsSync(join(PROJECT, `${source}.ts`)), path);
  }
});

test("the package holds no code that neither the command nor an export leads to", async () => {
  const home = join(folder, "node_modules/sshuttle");
  const { exports, bin }: PackageJson = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  const entries = [bin.sshuttle, ...Object.values(exports).map((each) => each.default)];
  const { metafile } = await build({
    absWorkingDir: home,
    entryPoints: entries.filter((entry) => entry !== undefined),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    treeShaking: false,
    metafile: true,
    write: false,
    outdir: "out",
  });
  const reached = Object.keys(metafile.inputs);
  const surplus = files.filter((path) => path.endsWith(".js") && !reached.includes(path));
  for (const path of surplus) {
    // What has types only; and the wire, which is one thing.
    const code = readFileSync(join(home, path), "utf8").replace(/\/\*[^]*?\*\/|\/\/.*/g, "");
    assert.ok(code.trim() === "export {};" || path.startsWith("dist/agent-src/wire/"), path);
  }
});

test("every export leads to a file with types, and offers what docs/library.md lists", async () => {
  const { exports }: PackageJson = JSON.parse(
    readFileSync(join(folder, "node_modules/sshuttle/package.json"), "utf8"),
  );
  const page = readFileSync(join(PROJECT, "docs/library.md"), "utf8");
  const rows = [...page.matchAll(/^\| `sshuttle\/([\w/]+)` +\| (.*?) +\|$/gm)];
  assert.deepEqual(rows.map(([, name = ""]) => `./${name}`).toSorted(), Object.keys(exports).toSorted());
  for (const [, name = "", words = ""] of rows) {
    const { types = "", default: file } = exports[`./${name}`] ?? {};
    assert.ok(files.includes(types.slice(2)), types);
    if (file === undefined) continue;
    writeFileSync(
      join(folder, "names.mjs"),
      `console.log(Object.keys(await import("sshuttle/${name}")).join());`,
    );
    const { stdout } = await run("names.mjs");
    const listed = [...words.matchAll(/`([A-Z]?[a-z][A-Za-z\d]+)`/g)].map(([, word = ""]) => word);
    assert.deepEqual(stdout.trim().split(",").toSorted(), listed.toSorted(), name);
  }
});

test("the example of docs/library.md is short, and calls its agent on this machine", async () => {
  const lines = ["agent.ts", "main.ts"].flatMap((name) => (examples.get(name) ?? "").trimEnd().split("\n"));
  assert.ok(lines.filter((line) => line !== "" && !line.startsWith("//")).length < 30);
  const { code, stdout, stderr } = await run("main.js");
  assert.equal(stderr, "");
  assert.match(stdout, new RegExp(`runtime: '${process.version}'[^]*'usr'`));
  assert.equal(code, 0);
});

test("the compiler refuses calls that the agent does not have", async () => {
  const wrong = new Map([...examples, ["wrong.ts", WRONG_CALLS]]);
  await assert.rejects(compileThere(folder, wrong), (error: Error) => {
    const refused = [...error.message.matchAll(/^wrong\.ts\((\d+),/gm)].map(([, line]) => Number(line));
    assert.deepEqual(refused, [4, 5, 6]);
    return true;
  });
});

test("the other examples do what the pages say", async () => {
  const check = await run("check.js", "agent.ts");
  assert.match(check.stdout, /^[0-9a-f]{64} 2 true\n$/);
  const missing = await run("check.js", "nowhere.ts");
  assert.match(missing.stderr, /^bundle-entry-missing Cannot .*nowhere\.ts/);
  assert.equal(missing.code, 64);
  writeFileSync(join(folder, "program.ts"), "console.log(process.argv.slice(2)); process.exitCode = 7;\n");
  const bootstrap = await run("bootstrap.js", "program.ts");
  assert.deepEqual([bootstrap.stdout, bootstrap.code], ["[ 'one', 'two' ]\n", 7]);
  assert.equal((await run("readme.js")).code, 0);
});

test("maps that come later make the trace of docs/library.md's example exact", async () => {
  const late = await bundle(join(folder, "late-maps.ts"));
  const program = await launch({ transport: localTransport(), bundle: late, maps: "after" });
  program.stderr.resume();
  program.stdin.end(program.mapsPayload);
  const lines = (examples.get("late-maps.ts") ?? "").split("\n");
  const line = lines.findIndex((each) => each.includes("new Error"));
  const column = (lines[line] ?? "").indexOf("new Error");
  assert.match(await text(program.stdout), new RegExp(`late-maps\\.ts:${line + 1}:${column + 1}\\)$`));
  assert.equal((await program.exit).code, 0);
});

test("the transport of docs/library.md's example carries a program", async () => {
  const runner = join(folder, "runner");
  // exec -i NAME, then the command itself.
  writeFileSync(runner, '#!/bin/sh\nshift 3\nexec "$@"\n', { mode: 0o755 });
  const {
    inContainer,
  }: { inContainer: (name: string, runner: string) => ReturnType<typeof localTransport> } = await import(
    join(folder, "in-container.js")
  );
  const program = await launch({
    transport: inContainer("web", runner),
    bundle: await bundle(join(folder, "program.ts")),
  });
  program.stderr.resume();
  assert.equal(await text(program.stdout), "[]\n");
  assert.deepEqual(await program.exit, { code: 7, signal: null });
});
