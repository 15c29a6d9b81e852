/**
 * Where the far side says that an error comes from, against Node's own view: the same sources, each compiled by
 * esbuild as anyone would, run with --enable-source-maps.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { bundle } from "../../bundler/bundle.ts";
import { RUNTIMES, runtimePath } from "../lab/runtimes.ts";
import { runHere, runThere } from "./far-side.ts";
import type { Outcome } from "./far-side.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const FIXTURES = "fixtures/traces";

/** What the oldest runtime does not know is compiled to other code, with frames and columns of its own. */
const REWRITTEN: ReadonlySet<string> = new Set([
  "a class field",
  "a field of the class above",
  "a private name",
  "a static block",
  "a static field",
  "an optional call",
  "a conversion",
  "an async generator",
]);

const TARGETS = ["node20", "node8"] as const;
type Target = (typeof TARGETS)[number];

let compiled = "";

before(async () => {
  compiled = await realpath(await mkdtemp(join(tmpdir(), "traces-")));
  for (const target of TARGETS) {
    const folder = join(compiled, target);
    await mkdir(folder);
    for (const name of await readdir(join(ROOT, FIXTURES))) {
      const sourcefile = join(ROOT, FIXTURES, name);
      const source = await readFile(sourcefile, "utf8");
      const options = { loader: "ts", format: "cjs", sourcemap: "inline" } as const;
      const { code } = await transform(source, { ...options, target, sourcefile });
      // Under its own name, as others import it; to Node 20 an extension that it does not know is CommonJS.
      await writeFile(join(folder, name), code);
    }
  }
});
after(() => rm(compiled, { recursive: true }));

/** As Node shows it for the sources run locally. */
async function runLocally(
  entry: string,
  target: Target,
  { options = [], args: programArgs = [] }: { options?: readonly string[]; args?: readonly string[] } = {},
): Promise<Outcome> {
  const args = ["--enable-source-maps", ...options, join(compiled, target, entry), ...programArgs];
  const { code, stdout, stderr } = await runHere(process.execPath, args, compiled);
  return { code, stdout: stdout.replaceAll(ROOT, ""), stderr: stderr.replaceAll(ROOT, "") };
}

/** "file:line:column" of each frame in the sources. Line 1 is a comment there; what stands on it is the compiler's. */
function framesOf(stack: string, version: string): string[] {
  return stack
    .split("\n")
    .filter((line) => !line.startsWith("    at async ") || !version.startsWith("8."))
    .flatMap(
      (line) => /^ {4}at (?:.* \()?(fixtures\/traces\/[\w-]+\.ts:(?!1:)\d+:\d+)\)?$/.exec(line)?.[1] ?? [],
    );
}

type Way = readonly [way: string, ...stacks: string[]];

function waysOf(stdout: string): Map<string, readonly string[]> {
  const ways = stdout.trim().split("\n");
  return new Map(ways.map((line) => JSON.parse(line) as Way).map(([way, ...stacks]) => [way, stacks]));
}

for (const version of RUNTIMES) {
  test(`Node ${version}: a caught error's stack names file, line and column of the source`, async (context) => {
    const program = await bundle(join(ROOT, FIXTURES, "ways.ts"));
    const [asIs, rewritten, there] = await Promise.all([
      runLocally("ways.ts", "node20"),
      runLocally("ways.ts", "node8"),
      runThere({ bundle: program, runtime: await runtimePath(version) }),
    ]);
    assert.equal(there.code, 0, there.stderr);
    const [local, localRewritten, remote] = [asIs, rewritten, there].map(({ stdout }) => waysOf(stdout));
    assert.ok(local !== undefined && local.size >= 50);
    for (const way of local.keys()) {
      await context.test(way, () => {
        const stacks = remote?.get(way) ?? [];
        const expected = (REWRITTEN.has(way) ? localRewritten : local)?.get(way) ?? [];
        // Before version 16 an error takes no cause.
        const count = Number.parseInt(version, 10) < 16 ? 1 : expected.length;
        assert.deepEqual(
          stacks.map((stack) => framesOf(stack, version)),
          expected.slice(0, count).map((stack) => framesOf(stack, version)),
          stacks.join("\n"),
        );
        assert.ok(
          stacks.every((stack) => framesOf(stack, version).length > 0 || way === "a stream's callback"),
        );
      });
    }
  });
}

const linesOf = (frames: readonly string[]): string[] => frames.map((frame) => frame.replace(/:\d+$/, ""));

for (const version of RUNTIMES) {
  test(`Node ${version}: without maps a stack names file and line`, async () => {
    const program = await bundle(join(ROOT, FIXTURES, "ways.ts"));
    const runtime = await runtimePath(version);
    const [{ stdout }, local] = await Promise.all([
      runThere({ bundle: program, runtime, maps: "none" }),
      runLocally("ways.ts", "node20"),
    ]);
    const remote = waysOf(stdout);
    for (const [way, [stack = ""]] of waysOf(local.stdout)) {
      if (REWRITTEN.has(way)) continue;
      const [theirs = ""] = remote.get(way) ?? [];
      const frames = framesOf(theirs, version);
      assert.deepEqual(linesOf(frames), linesOf(framesOf(stack, version)), `${way}: ${theirs}`);
    }
  });
}

interface FatalWay {
  readonly way: string;
  /** Below it the runtime has nothing of the kind. */
  readonly sinceNode?: number;
  readonly options?: readonly string[];
}

const FATAL: readonly FatalWay[] = [
  { way: "a throw while loading" },
  { way: "a throw in a timer" },
  { way: "a rejection of an async function" },
  { way: "a rejection in a chain" },
  { way: "an error event without a listener" },
  { way: "an error with a cause", sinceNode: 20 },
  { way: "an error with properties" },
  { way: "several errors in one", sinceNode: 20 },
  { way: "a warning", options: ["--trace-warnings"] },
  { way: "a stack that is printed" },
];

/** Of Node's report what says where: not the code that it quotes, nor its version, nor who emitted an event. */
function withoutQuote(stderr: string): string {
  return stderr
    .replace(/^\S+:\d+\n[^]*?\n\n/, "")
    .replace(/\nEmitted 'error' event at:\n[^]*/, "")
    .replace(/\n+Node\.js v[\d.]+\n$/, "");
}

/** What is not a frame: message, properties, brackets. */
function wordsOf(stderr: string): string[] {
  return withoutQuote(stderr)
    .split("\n")
    .filter((line) => !/^ +at /.test(line))
    .map((line) => line.replace(/^\(node:\d+\)/, "(node)").trimEnd())
    .filter((line) => line !== "");
}

for (const version of RUNTIMES) {
  test(`Node ${version}: what ends a program is reported with file, line and column of the source`, async (context) => {
    const program = await bundle(join(ROOT, FIXTURES, "fatal.ts"));
    const node = await runtimePath(version);
    for (const { way, sinceNode = 8, options = [] } of FATAL) {
      if (Number.parseInt(version, 10) < sinceNode) continue;
      await context.test(way, async () => {
        const [here, there] = await Promise.all([
          runLocally("fatal.ts", "node20", { options, args: [way] }),
          runThere({ bundle: program, runtime: [node, ...options].join(" "), args: [way] }),
        ]);
        assert.deepEqual(
          framesOf(there.stderr, version),
          framesOf(withoutQuote(here.stderr), version),
          there.stderr,
        );
        assert.equal(there.code, here.code === 0 ? 0 : 99);
        assert.doesNotMatch(there.stderr, /exports/, "quotes no compiled code");
        if (version === process.versions.node) assert.deepEqual(wordsOf(there.stderr), wordsOf(here.stderr));
      });
    }
  });
}
