/**
 * The bench: npm run bench [-- tunnel] [--runs N] [--seconds N] [--only NAME]…
 *
 * Prints tables, and writes everything, with what is known of the machine, to bench/results/latest.json.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensurePackages } from "../test/packages.ts";
import { readMachineFacts } from "./machine.ts";
import { benchTunnel, formatTunnelResult } from "./tunnel.ts";

const RESULTS = resolve(import.meta.dirname, "../../bench/results/latest.json");

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    only: { type: "string", multiple: true, default: [] },
  },
});
ensurePackages("bench");
const machine = readMachineFacts();
console.log(
  Object.entries(machine)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n"),
);
const tunnel = await benchTunnel({
  runs: Number(values.runs),
  seconds: Number(values.seconds),
  only: values.only,
});
console.log(`\n${formatTunnelResult(tunnel)}`);
mkdirSync(dirname(RESULTS), { recursive: true });
writeFileSync(RESULTS, `${JSON.stringify({ machine, tunnel }, undefined, 2)}\n`);
console.log(`\nwritten to ${RESULTS}`);
