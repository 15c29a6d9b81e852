/**
 * The bench: npm run bench [-- [bytes] [start] [tunnel]] [--runs N] [--seconds N] [--only PEER]…
 *
 * Prints what it measures, and writes it, with what is known of the machine, to bench/results/latest.json.
 * Bytes and starts above their budget (bench/budget.json) make it fail.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { EXIT } from "../bundler/error.ts";
import { ensurePackages } from "../test/packages.ts";
import { benchBytes, formatBytesResult } from "./bytes.ts";
import { readMachineFacts } from "./machine.ts";
import { benchStart, formatStartResult } from "./start.ts";
import { benchTunnel, formatTunnelResult } from "./tunnel.ts";

const PARTS = ["bytes", "start", "tunnel"] as const;
type Part = (typeof PARTS)[number];

/** Starts per round of the tunnel's: they are short, and their spread is wide. Twenty by default. */
const STARTS_PER_RUN = 7;

const RESULTS = resolve(import.meta.dirname, "../../bench/results/latest.json");

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: "string", default: "3" },
      seconds: { type: "string", default: "3" },
      only: { type: "string", multiple: true, default: [] },
    },
  });
  const wanted = positionals.length === 0 ? PARTS : PARTS.filter((part) => positionals.includes(part));
  const unknown = positionals.filter((word) => !PARTS.some((part) => part === word));
  if (unknown.length > 0) {
    console.error(`Cannot measure "${unknown.join(" ")}": there are ${PARTS.join(", ")}`);
    return EXIT.usage;
  }
  ensurePackages("bench");
  const machine = readMachineFacts();
  console.log(
    Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
  );
  const results: Partial<Record<Part | "machine", unknown>> = { machine };
  let status = 0;
  if (wanted.includes("bytes")) {
    const bytes = await benchBytes();
    console.log(`\n${formatBytesResult(bytes)}`);
    results.bytes = bytes;
    if (bytes.counted > bytes.budget) status = EXIT.software;
  }
  const runs = Number(values.runs);
  if (wanted.includes("start")) {
    const start = await benchStart(runs * STARTS_PER_RUN);
    console.log(`\n${formatStartResult(start)}`);
    results.start = start;
    if (start.ratio > start.budget) status = EXIT.software;
  }
  if (wanted.includes("tunnel")) {
    const tunnel = await benchTunnel({ runs, seconds: Number(values.seconds), only: values.only });
    console.log(`\n${formatTunnelResult(tunnel)}`);
    results.tunnel = tunnel;
  }
  mkdirSync(dirname(RESULTS), { recursive: true });
  writeFileSync(RESULTS, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(`\nwritten to ${RESULTS}`);
  return status;
}

process.exitCode = await main();
