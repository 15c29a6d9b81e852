/**
 * The bench of the link: npm run bench:link [-- OPTION…]; a wrong option prints them all.
 *
 * Prints what it measures and writes it to bench/results/. Ends with 70 if something that is promised does not hold.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { EXIT } from "../bundler/error.ts";
import { UsageError } from "../client/errors.ts";
import { ensurePackages } from "../test/packages.ts";
import type { Congestion } from "./link-bed.ts";
import { measureGrid } from "./link-grid.ts";
import { parseLinkOptions } from "./link-options.ts";
import type { LinkOptions } from "./link-options.ts";
import { LINK_PEERS } from "./link-peers.ts";
import { formatGrid } from "./link-report.ts";
import { ResultStore } from "./link-results.ts";
import { LEAST_SHARE, judge } from "./link-verdict.ts";
import type { Exceptions } from "./link-verdict.ts";
import { readMachineFacts } from "./machine.ts";

const PROJECT = resolve(import.meta.dirname, "../..");
const RESULTS = resolve(PROJECT, "bench/results");
/** By congestion control: cells (`*` for any word) to the reason why the property does not hold there. */
const EXCEPTIONS = resolve(PROJECT, "docs/link-exceptions.json");

async function main(): Promise<number> {
  const options = parseLinkOptions(process.argv.slice(2));
  ensurePackages("bench");
  let holds = true;
  for (const congestion of options.congestions) {
    if (options.parts.includes("grid")) holds = (await runGrid(options, congestion)) && holds;
  }
  return holds ? 0 : EXIT.software;
}

async function runGrid(options: LinkOptions, congestion: Congestion): Promise<boolean> {
  const machine = readMachineFacts();
  const store = new ResultStore(options.directory ?? RESULTS, congestion, options.resume);
  const { slice, timing, rounds, jobs } = options;
  const peers = options.peers ?? LINK_PEERS;
  await measureGrid({ congestion, slice, peers, timing, rounds, jobs, log: console.error }, store);
  const summary = judge(store.measurements, readExceptions(congestion));
  console.log(`congestion control: ${congestion}\n\n${formatGrid(summary)}`);
  console.log(`\nwritten to ${store.finish(machine)}`);
  return !(summary.share < LEAST_SHARE);
}

function readExceptions(congestion: Congestion): Exceptions {
  const all = JSON.parse(readFileSync(EXCEPTIONS, "utf8")) as Partial<Record<Congestion, Exceptions>>;
  return all[congestion] ?? {};
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error([error.message, error.hint].join("\n"));
  process.exitCode = error.exitCode;
}
