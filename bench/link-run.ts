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
import { createLinkBed } from "./link-bed.ts";
import { writeDocs } from "./link-docs.ts";
import { measureGrid } from "./link-grid.ts";
import { PARTS, parseLinkOptions } from "./link-options.ts";
import type { LinkOptions, Part } from "./link-options.ts";
import { formatPart } from "./link-parts.ts";
import type { MeasurePart } from "./link-parts.ts";
import { LINK_PEERS } from "./link-peers.ts";
import { formatGrid } from "./link-report.ts";
import { ResultStore, writePart } from "./link-results.ts";
import { measureShort } from "./link-short.ts";
import { measureSixty } from "./link-sixty.ts";
import { measureSparse } from "./link-sparse.ts";
import { measureSteps } from "./link-steps.ts";
import { LEAST_SHARE, judge } from "./link-verdict.ts";
import type { Exceptions } from "./link-verdict.ts";
import { readMachineFacts } from "./machine.ts";

const PROJECT = resolve(import.meta.dirname, "../..");
const RESULTS = resolve(PROJECT, "bench/results");
/** By congestion control: cells (`*` for any word) to the reason why the property does not hold there. */
const EXCEPTIONS = resolve(PROJECT, "docs/link-exceptions.json");

const OTHER_PARTS: Readonly<Record<Exclude<Part, "grid">, MeasurePart>> = {
  sixty: measureSixty,
  steps: measureSteps,
  sparse: measureSparse,
  short: measureShort,
};

const OTHER_PART_NAMES: readonly string[] = PARTS.filter((part) => part !== "grid");

async function main(): Promise<number> {
  const options = parseLinkOptions(process.argv.slice(2));
  ensurePackages("bench");
  let holds = true;
  for (const congestion of options.congestions) {
    for (const part of options.parts) {
      const run = part === "grid" ? runGrid(options, congestion) : runPart(part, options, congestion);
      holds = (await run) && holds;
    }
    if (options.writeDocs) {
      const { directory = RESULTS } = options;
      const exceptions = readExceptions(congestion);
      const settings = { project: PROJECT, directory, congestion, parts: OTHER_PART_NAMES, exceptions };
      for (const file of await writeDocs(settings)) console.log(`written to ${file}`);
    }
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

async function runPart(
  part: Exclude<Part, "grid">,
  { peers, directory = RESULTS }: LinkOptions,
  congestion: Congestion,
): Promise<boolean> {
  const machine = readMachineFacts();
  const bed = await createLinkBed(congestion);
  try {
    const result = await OTHER_PARTS[part](bed, { peers, log: console.error });
    console.log(`\n${formatPart(result, congestion)}`);
    console.log(`\nwritten to ${writePart(directory, congestion, part, { machine, result })}`);
    return result.checks.every(({ holds }) => holds);
  } finally {
    await bed.close();
  }
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
