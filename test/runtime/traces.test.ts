/**
 * Where the far side says that an error comes from, against Node's own view: the same sources, each compiled by
 * esbuild as anyone would, run with --enable-source-maps.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";
import { transform } from "esbuild";
import { bundle } from "../../bundler/bundle.ts";
import { deflate } from "../../bundler/deflate.ts";
import type { Bundle } from "../../bundler/format.ts";
import { decodeMappings, encodeSourceMap } from "../../bundler/source-map.ts";
import type { Segment } from "../../bundler/source-map.ts";
import { testOn } from "../lab/runtime-limits.ts";
import { RUNTIMES, pinned, runtimePath } from "../lab/runtimes.ts";
import type { Runtime } from "../lab/runtimes.ts";
import { runHere, runThere } from "./far-side.ts";
import type { Outcome } from "./far-side.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const FIXTURES = "fixtures/traces";

/**
 * All that a far side's trace may lack beside Node 20's for the sources. One thing more is left out on both
 * sides: frames of the compiler's helpers, which stand on line 1 of the text and in no source.
 */
const LACKS = {
  /** `at async f (…)`: callers that wait for a promise. Source: V8 7.3. */
  awaitingCallers: { below: 12 },
  /** The option `cause`. Source: V8 9.3. */
  causes: { below: 16 },
  /** Source: V8 8.5. */
  aggregateError: { below: 15 },
} as const;

function lacks({ name, version }: Runtime, what: keyof typeof LACKS): boolean {
  return name === "node" && Number.parseInt(version, 10) < LACKS[what].below;
}

/**
 * What the oldest runtime does not know is compiled to other code, with frames and columns of its own: these ways
 * are compared with a local run of the same compiled constructs.
 */
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
  const entries = await readdir(join(ROOT, FIXTURES), { recursive: true });
  for (const name of entries.filter((path) => extname(path) !== "")) {
    const sourcefile = join(ROOT, FIXTURES, name);
    const source = await readFile(sourcefile, "utf8");
    const loader = name.endsWith(".js") ? "js" : "ts";
    for (const target of TARGETS) {
      const options = { loader, format: "cjs", sourcemap: "inline" } as const;
      const { code } = await transform(source, { ...options, target, sourcefile });
      // Under its own name, as others import it; to Node 20 an extension that it does not know is CommonJS.
      const path = join(compiled, target, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, code);
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

/** "file:line:column" of each frame in the sources that this version has. */
function framesOf(stack: string, runtime: Runtime): string[] {
  return stack
    .split("\n")
    .filter((line) => /^ +at .*fixtures\/traces\//.test(line))
    .filter((line) => !/^ +at async /.test(line) || !lacks(runtime, "awaitingCallers"))
    .map((line) => {
      const frame = /^ +at (?:.* \()?(fixtures\/traces\/[\w/-]+\.[jt]s:\d+:\d+)\)?(?: \{)?$/.exec(
        line.replace(":~", ":"),
      )?.[1];
      assert.ok(frame !== undefined, `frame "${line}"`);
      return frame;
    })
    .filter((frame) => !frame.includes(":1:"));
}

type Way = readonly [way: string, ...stacks: string[]];

function waysOf(stdout: string): Map<string, readonly string[]> {
  const ways = stdout.trim().split("\n");
  return new Map(ways.map((line) => JSON.parse(line) as Way).map(([way, ...stacks]) => [way, stacks]));
}

/** Of each way, the frames of the error and then of its cause, as they should be and as they are. */
interface Comparison {
  readonly way: string;
  readonly expected: readonly (readonly string[])[];
  readonly actual: readonly (readonly string[])[];
  readonly stacks: readonly string[];
}

async function compareWays(
  runtime: Runtime,
  program: Bundle,
  maps: "before" | "none" = "before",
): Promise<Comparison[]> {
  const [asIs, rewritten, there] = await Promise.all([
    runLocally("ways.ts", "node20"),
    runLocally("ways.ts", "node8"),
    runThere({ bundle: program, runtime: await runtimePath(runtime.pin), maps }),
  ]);
  for (const { code, stderr } of [asIs, rewritten, there]) assert.equal(code, 0, stderr);
  const local = waysOf(asIs.stdout);
  const localRewritten = waysOf(rewritten.stdout);
  const remote = waysOf(there.stdout);
  assert.deepEqual([...remote.keys()], [...local.keys()]);
  return [...local].map(([way, asIsStacks]) => {
    const wanted = REWRITTEN.has(way) ? (localRewritten.get(way) ?? []) : asIsStacks;
    const stacks = remote.get(way) ?? [];
    const present = lacks(runtime, "causes") ? wanted.slice(0, 1) : wanted;
    return {
      way,
      expected: present.map((stack) => framesOf(stack, runtime)),
      actual: stacks.map((stack) => framesOf(stack, runtime)),
      stacks,
    };
  });
}

for (const runtime of RUNTIMES) {
  test(`${runtime.label}: a caught error's stack names file, line and column of the source`, async (context) => {
    const comparisons = await compareWays(runtime, await bundle(join(ROOT, FIXTURES, "ways.ts")));
    for (const { way, expected, actual, stacks } of comparisons) {
      await testOn(
        runtime,
        way,
        async () => {
          assert.ok(
            expected.length > 0 && expected.every((frames) => frames.length > 0),
            "nothing to compare",
          );
          for (const [index, frames] of expected.entries()) {
            compareFrames(runtime, actual[index] ?? [], frames, stacks.join("\n"));
          }
        },
        (name, act) => context.test(name, act),
      );
    }
  });
}

/**
 * Bun's engine has columns of its own (the end of a callee, where V8 has its beginning), and leaves out calls in tail
 * position (ECMAScript 15.10): there the frames that are left have to be the right lines, in order.
 */
function compareFrames(
  runtime: Runtime,
  actual: readonly string[],
  expected: readonly string[],
  stack: string,
): void {
  if (runtime.name !== "bun") {
    assert.deepEqual(actual, expected, stack);
    return;
  }
  const wanted = expected.map(fileAndLine);
  let from = 0;
  for (const frame of actual.map(fileAndLine)) {
    const at = wanted.indexOf(frame, from);
    assert.ok(at >= 0, `frame ${frame} is not among ${wanted.slice(from).join(", ")} of ${stack}`);
    from = at + 1;
  }
  assert.ok(from > 0, stack);
}

const fileAndLine = (frame: string): string => /^(.*?:\d+)(?::\d+)?$/.exec(frame)?.[1] ?? frame;

/** The far side's equal: what runs these tests. */
const SAME = pinned("20.20.2");

const linesOf = (frames: readonly string[]): string[] => frames.map((frame) => frame.replace(/:\d+$/, ""));

for (const runtime of RUNTIMES) {
  testOn(runtime, "without maps a stack names file and line", async () => {
    const program = await bundle(join(ROOT, FIXTURES, "ways.ts"));
    for (const { way, expected, actual, stacks } of await compareWays(runtime, program, "none")) {
      for (const [index, frames] of expected.entries()) {
        compareFrames(runtime, linesOf(actual[index] ?? []), linesOf(frames), `${way}: ${stacks.join("\n")}`);
      }
    }
  });
}

const MOVES: readonly (readonly [what: string, move: (segment: Segment) => Segment])[] = [
  ["line", (segment) => ({ ...segment, sourceLine: segment.sourceLine + 1 })],
  ["column", (segment) => ({ ...segment, sourceColumn: segment.sourceColumn + 1 })],
];

for (const [what, move] of MOVES) {
  test(`the comparison notices maps that are off by one ${what}, in every way to fail`, async () => {
    const program = await bundle(join(ROOT, FIXTURES, "ways.ts"));
    const modules = program.modules.map((module) => {
      const { mappings }: { mappings: string } = JSON.parse(inflateRawSync(module.map).toString());
      const segments = decodeMappings(mappings).map(move);
      return { ...module, map: deflate(Buffer.from(encodeSourceMap(module.filename, segments))) };
    });
    const comparisons = await compareWays(SAME, { ...program, modules });
    assert.deepEqual(
      comparisons
        .filter(({ expected, actual }) => JSON.stringify(expected) === JSON.stringify(actual))
        .map(({ way }) => way),
      [],
    );
  });
}

for (const runtime of RUNTIMES) {
  testOn(runtime, "a program's own prepareStackTrace gets call sites, with files and lines", async () => {
    const program = await bundle(join(ROOT, FIXTURES, "call-sites.ts"));
    const { stdout, stderr } = await runThere({ bundle: program, runtime: await runtimePath(runtime.pin) });
    assert.equal(stderr, "");
    const file = `/${FIXTURES}/call-sites.ts`;
    assert.deepEqual(JSON.parse(stdout), [
      { file, line: 12, method: "whoCalls" },
      { file, line: 19, method: "caller" },
      { file, line: 20, method: null },
    ]);
  });
}

interface FatalWay {
  readonly way: string;
  /** Runtimes without it have nothing of the kind. */
  readonly needs?: keyof typeof LACKS;
  readonly options?: readonly string[];
}

const FATAL: readonly FatalWay[] = [
  { way: "a throw while loading" },
  { way: "a throw in a timer" },
  { way: "a rejection of an async function" },
  { way: "a rejection in a chain" },
  { way: "a rejection in plain JavaScript" },
  { way: "a throw in an event's handler" },
  { way: "a throw in nextTick" },
  { way: "an error event without a listener" },
  { way: "an error with a cause", needs: "causes" },
  { way: "an error with properties" },
  { way: "several errors in one", needs: "aggregateError" },
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

for (const runtime of RUNTIMES) {
  test(`${runtime.label}: what ends a program is reported with file, line and column of the source`, async (context) => {
    const program = await bundle(join(ROOT, FIXTURES, "fatal.ts"));
    const node = await runtimePath(runtime.pin);
    for (const { way, needs, options = [] } of FATAL) {
      if (needs !== undefined && lacks(runtime, needs)) continue;
      await testOn(
        runtime,
        `a report of ${way}`,
        async () => {
          const [here, there] = await Promise.all([
            runLocally("fatal.ts", "node20", { options, args: [way] }),
            runThere({ bundle: program, runtime: [node, ...options].join(" "), args: [way] }),
          ]);
          const expected = framesOf(withoutQuote(here.stderr), runtime);
          assert.ok(expected.length > 0, "nothing to compare");
          compareFrames(runtime, framesOf(there.stderr, runtime), expected, there.stderr);
          assert.equal(there.code, here.code === 0 ? 0 : 99);
          assert.doesNotMatch(there.stderr, /exports/, "quotes no compiled code");
          if (runtime === SAME) assert.deepEqual(wordsOf(there.stderr), wordsOf(here.stderr));
        },
        (name, act) => context.test(name, act),
      );
    }
  });
}
