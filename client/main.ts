#!/usr/bin/env node
/** The command line's front door: which command, and how its end becomes an exit status. */
import { readFileSync } from "node:fs";
import { FIREWALL_HELPER } from "./firewall-command.ts";
import { HELP } from "./help.ts";
import { createLog } from "./log.ts";
import { parseTunnelOptions } from "./options.ts";
import { reportError } from "./report-error.ts";

// Each command loads its own parts: a tunnel must not wait for the bundler, nor the helper for either.
async function run(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case "bundle":
      return (await import("./commands/run-bundle.ts")).runBundle(rest);
    case "run":
      // What our stdin still has to say is nobody's any more.
      return process.exit(await (await import("./commands/run-run.ts")).runRun(rest));
    case "runtime":
      return (await import("./commands/run-runtime.ts")).runRuntime(rest);
    case "doctor":
      // A resolver or an ssh that was given up would keep the shell waiting.
      return process.exit(await (await import("./commands/run-doctor.ts")).runDoctor(rest));
    case "cleanup":
      return (await import("./commands/run-cleanup.ts")).runCleanupCommand(rest);
    case FIREWALL_HELPER:
      return (await import("./firewall/helper.ts")).runFirewallHelper(rest);
    default: {
      const options = parseTunnelOptions(argv);
      if (options === "help") return print(HELP);
      if (options === "version") return print(`${readVersion()}\n`);
      // Somebody has to listen from now on: without that Node opens its inspector.
      process.on("SIGUSR1", () => {});
      // Everything is undone by then; a handle that lingers must not keep the shell waiting.
      return process.exit(await (await import("./commands/run-tunnel.ts")).runTunnel(options));
    }
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version }: { version?: unknown } = JSON.parse(text);
  return String(version);
}

// A terminal that is gone must not keep the way back from being walked.
process.stderr.on("error", () => {});
process.stdout.on("error", () => process.exit(1));

run(process.argv.slice(2)).then(
  (status) => (process.exitCode = status),
  (error: unknown) => (process.exitCode = reportError(error, createLog(0))),
);
