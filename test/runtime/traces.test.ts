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
async function runLocally(entry: string, target: Target, options: readonly string[] = []): Promise<Outcome> {
  const args = ["--enable-source-maps", ...options, join(compiled, target, entry)];
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
