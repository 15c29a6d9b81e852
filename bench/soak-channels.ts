/**
 * Many connections for a long time: npm run soak:channels [-- OPTION…]
 *
 *   --minutes N       how long they are open, 5
 *   --connections N   at once, 10,000
 *   --stalled N       that nobody reads, beside as many that work, 100
 *   --intake NAME     socks, or nft; socks
 *   --only PART       open, few or stalled; may be given several times
 *
 * Prints what it finds, writes the figures to bench/results/channels.json, and ends with 70 if something that is promised does not hold.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { EXIT } from "../bundler/error.ts";
import { createLab } from "../test/lab/lab.ts";
import type { Lab } from "../test/lab/lab.ts";
import { ensurePackages } from "../test/packages.ts";
import { descriptorLimit } from "./channel-bed.ts";
import type { Intake } from "./channel-bed.ts";
import { judgeFew, judgeOpen, judgeStalled } from "./channel-verdict.ts";
import type { Finding } from "./channel-verdict.ts";
import { ENDS, fewDescriptors, openAtOnce, stalledReaders } from "./channels.ts";
import { readMachineFacts } from "./machine.ts";

const PARTS = ["open", "few", "stalled"] as const;
type Part = (typeof PARTS)[number];

const RESULTS = resolve(import.meta.dirname, "../../bench/results/channels.json");

/** How often each connection echoes. */
const EVERY_MS = 10_000;
const GIVE_BACK_MS = 90_000;
/** Of an end that is to run out of them. */
const FEW_DESCRIPTORS = 200;
const STALLED_MS = 20_000;
/** Descriptors beside those of the connections. */
const OTHER_DESCRIPTORS = 100;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "5" },
      connections: { type: "string", default: "10000" },
      stalled: { type: "string", default: "100" },
      intake: { type: "string", default: "socks" },
      only: { type: "string", multiple: true, default: [] },
    },
  });
  const [minutes, count, stalled] = [values.minutes, values.connections, values.stalled].map(Number);
  const parts = values.only.length === 0 ? PARTS : PARTS.filter((part) => values.only.includes(part));
  const { intake } = values;
  if (!minutes || !count || !stalled || parts.length < values.only.length || !isIntake(intake)) {
    console.error("Cannot run the soak: see the head of bench/soak-channels.ts for its options");
    return EXIT.usage;
  }
  const limit = descriptorLimit();
  if (limit < count + OTHER_DESCRIPTORS) {
    console.error(`Cannot open ${count} connections: at most ${limit} descriptors are allowed (ulimit -Hn)`);
    return EXIT.noPermission;
  }
  ensurePackages("e2e");
  const results: Partial<Record<Part | "machine", object>> = { machine: readMachineFacts() };
  const findings: Finding[] = [];
  const report = (title: string, found: readonly Finding[]): void => {
    console.log(
      `${title}\n${found.map(({ text, holds }) => `  ${holds ? "holds" : "FAILS"}  ${text}`).join("\n")}`,
    );
    findings.push(...found);
  };

  if (parts.includes("open")) {
    const settings = { intake, count, forMs: minutes * 60_000, everyMs: EVERY_MS, giveBackMs: GIVE_BACK_MS };
    const open = (results.open = await inLab((lab) => openAtOnce(lab, settings)));
    report(`${count} connections for ${minutes} min`, judgeOpen(open, settings));
  }
  if (parts.includes("few")) {
    for (const end of ENDS) {
      const few = await inLab((lab) => fewDescriptors(lab, intake, end, FEW_DESCRIPTORS));
      results.few = { ...results.few, [end]: few };
      report(`${FEW_DESCRIPTORS} descriptors for the ${end}`, judgeFew(few, FEW_DESCRIPTORS));
    }
  }
  if (parts.includes("stalled")) {
    for (const direction of ["down", "up"] as const) {
      const settings = { direction, stalled, workers: stalled, forMs: STALLED_MS };
      const result = await inLab((lab) => stalledReaders(lab, settings));
      results.stalled = { ...results.stalled, [direction]: result };
      report(`${stalled} that stall, ${direction}`, judgeStalled(result, settings));
    }
  }
  mkdirSync(dirname(RESULTS), { recursive: true });
  writeFileSync(RESULTS, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(`\nwritten to ${RESULTS}`);
  return findings.every(({ holds }) => holds) ? 0 : EXIT.software;
}

const isIntake = (name: string): name is Intake => name === "socks" || name === "nft";

async function inLab<T>(use: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await createLab();
  try {
    return await use(lab);
  } finally {
    await lab.close();
  }
}

process.exitCode = await main();
