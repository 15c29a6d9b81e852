/**
 * The test runner: node dist/test/run.js [SUITE | PATH]… [--grep TEXT]
 *
 * A PATH is the beginning of a file's path below dist/test, such as e2e/tunnel. What the last line says
 * is what the exit status says: failed tests, no test at all, a file whose process died or ended early,
 * and, where CI is set, any skipped test, all end with 1. An error of the runner itself ends with 70.
 */
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { EXIT } from "../bundler/error.ts";
import { ensurePackages } from "./packages.ts";
import { runFile } from "./run-file.ts";
import type { FileOutcome } from "./run-file.ts";

/** In the order in which they run: the quick ones speak first. */
const SUITES = ["unit", "property", "pair", "runtime", "e2e"] as const;
type Suite = (typeof SUITES)[number];

/** Suites whose files share nothing. An e2e file has the machine for itself: it waits on real time. */
const PARALLEL: ReadonlySet<Suite> = new Set(["unit", "property", "pair", "runtime"]);

/** Longest that one file may take; more than twice what the slowest needs on two shared cores. */
const FILE_TIMEOUT_MS = 300_000;

interface Job {
  readonly suite: Suite;
  readonly file: string;
}

function findJobs(root: string, wanted: readonly string[]): Job[] {
  return SUITES.flatMap((suite) =>
    listTestFiles(join(root, suite))
      .filter((file) => {
        const path = relative(root, file);
        return wanted.length === 0 || wanted.some((start) => path === start || path.startsWith(start));
      })
      .map((file) => ({ suite, file })),
  );
}

function listTestFiles(directory: string): string[] {
  let entries;
  try {
    entries = readdirSync(directory, { recursive: true, encoding: "utf8" });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.endsWith(".test.js"))
    .toSorted()
    .map((entry) => join(directory, entry));
}

/** Runs jobs `width` at a time. With more than one at a time a file's report is printed as one block. */
async function runJobs(
  jobs: readonly Job[],
  width: number,
  root: string,
  grep?: RegExp,
): Promise<FileOutcome[]> {
  const outcomes: FileOutcome[] = [];
  const queue = [...jobs];
  async function work(): Promise<void> {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const title = relative(root, job.file).replace(/\.js$/, ".ts");
      const held: string[] = [];
      const print = width > 1 ? (line: string): number => held.push(line) : console.log;
      if (width === 1) console.log(`\n${title}`);
      const outcome = await runFile(job.file, { grep, timeoutMs: FILE_TIMEOUT_MS, print });
      print(`  ${outcome.failed > 0 ? "FAILED" : "ok"} in ${(outcome.durationMs / 1000).toFixed(1)} s`);
      if (width > 1) console.log([`\n${title}`, ...held].join("\n"));
      outcomes.push(outcome);
    }
  }
  await Promise.all(Array.from({ length: width }, work));
  return outcomes;
}

/** The lab is made of network namespaces. Without root a file of its tests is one skipped test. */
function skipForRoot({ file }: Job, root: string): FileOutcome {
  console.log(`\n${relative(root, file)}\n  skipped: needs root`);
  return { file, passed: 0, failed: 0, skipped: 1, durationMs: 0 };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { grep: { type: "string" }, root: { type: "string" } },
  });
  const root = resolve(values.root ?? import.meta.dirname);
  const grep = values.grep === undefined ? undefined : new RegExp(values.grep);
  const jobs = findJobs(root, positionals);
  const alone = jobs.filter((job) => !PARALLEL.has(job.suite));
  // Before anything else, so that a missing package is told at once and not after the quick suites.
  const mayRunAlone = process.getuid?.() === 0;
  if (alone.length > 0 && mayRunAlone) ensurePackages("e2e");

  const shared = jobs.filter((job) => PARALLEL.has(job.suite));
  const outcomes = [
    ...(await runJobs(shared, availableParallelism(), root, grep)),
    ...(mayRunAlone ? await runJobs(alone, 1, root, grep) : alone.map((job) => skipForRoot(job, root))),
  ];

  const total = (key: "passed" | "failed" | "skipped"): number =>
    outcomes.reduce((sum, outcome) => sum + outcome[key], 0);
  const [passed, failed, skipped] = [total("passed"), total("failed"), total("skipped")];
  const complaints = [
    ...outcomes
      .filter((outcome) => outcome.failed > 0)
      .map((outcome) => `failed: ${relative(root, outcome.file)}`),
    ...(passed + failed === 0 ? ["no test was executed"] : []),
    ...(isCi() && skipped > 0 ? ["CI allows no skipped test"] : []),
  ];
  console.log(
    `\n${complaints.map((line) => `${line}\n`).join("")}${passed} passed, ${failed} failed, ${skipped} skipped`,
  );
  return complaints.length === 0 ? 0 : 1;
}

function isCi(): boolean {
  return !["", "0", "false"].includes(process.env["CI"] ?? "");
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error);
  process.exitCode = EXIT.software;
}
