/**
 * Every suite of test/runtime on every runtime that is supported: `npm run matrix:runtimes` writes the table of
 * docs/runtimes.md, or ends with 1 if a cell is neither ok nor a limit of runtime-limits.ts.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { RUNTIME_LIMITS, SUITES, hasLimit } from "../lab/runtime-limits.ts";
import type { RuntimeLimit, Suite } from "../lab/runtime-limits.ts";
import { ALL_RUNTIMES, CHOICE_VARIABLE } from "../lab/runtimes.ts";
import type { Runtime } from "../lab/runtimes.ts";
import { markdownTable, writePart } from "./markdown-page.ts";

const PAGE = new URL("../../../docs/runtimes.md", import.meta.url);
const SUITE_LIMIT_MS = 300_000;

interface Cell {
  readonly isPassed: boolean;
  readonly output: string;
}

async function runSuite(runtime: Runtime, suite: Suite): Promise<Cell> {
  const file = fileURLToPath(new URL(`../runtime/${suite}.test.js`, import.meta.url));
  const child = spawn(process.execPath, ["--enable-source-maps", "--test", file], {
    env: { ...process.env, [CHOICE_VARIABLE]: runtime.pin },
    stdio: ["ignore", "pipe", "inherit"],
    timeout: SUITE_LIMIT_MS,
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const status = await new Promise((resolve) => child.once("close", resolve));
  return { isPassed: status === 0, output };
}

const limitsOf = (runtime: Runtime, suite: Suite): readonly RuntimeLimit[] =>
  RUNTIME_LIMITS.filter((limit) => limit.suite === suite && hasLimit(runtime, limit));

async function main(): Promise<boolean> {
  const notes: string[] = [];
  const noteOf = (reason: string): string => {
    const at = notes.indexOf(reason) + 1 || notes.push(reason);
    return `[${at}](#limits)`;
  };
  const rows: string[][] = [];
  let isGood = true;
  for (const runtime of ALL_RUNTIMES) {
    const row = [runtime.label];
    for (const suite of SUITES) {
      const { isPassed, output } = await runSuite(runtime, suite);
      const reasons = [...new Set(limitsOf(runtime, suite).map(({ reason }) => reason))];
      row.push([isPassed ? "ok" : "FAILED", ...reasons.map(noteOf)].join(" "));
      console.log(`${runtime.label}, ${suite}: ${isPassed ? "ok" : "failed"}`);
      if (!isPassed) console.error(output);
      isGood &&= isPassed;
    }
    rows.push(row);
  }
  if (!isGood) return false;
  const list = notes.map((reason, index) => `${index + 1}. ${reason}`).join("\n");
  await writePart(PAGE, "matrix", markdownTable([["", ...SUITES], ...rows]));
  await writePart(PAGE, "limits", list);
  return true;
}

process.exitCode = (await main()) ? 0 : 1;
