/** `sshuttle runtime fetch|list|prune`: the runtimes on this machine that can be uploaded. */
import { statSync } from "node:fs";
import { withFile } from "../../bootstrap/runtimes/byte-source.ts";
import { RuntimeCache } from "../../bootstrap/runtimes/cache.ts";
import { readExecutable } from "../../bootstrap/runtimes/executable.ts";
import { RUNTIME_PINS } from "../../bootstrap/runtimes/pins.ts";
import type { RuntimePin } from "../../bootstrap/runtimes/pins.ts";
import { describeTarget, ownRuntime, pinsFor } from "../../bootstrap/runtimes/sources.ts";
import type { RuntimeTarget } from "../../bootstrap/runtime-provider.ts";
import { readArguments } from "../arguments.ts";
import { UsageError } from "../errors.ts";
import { RUNTIME_HELP } from "../help.ts";
import { nearest } from "../nearest.ts";
import { formatBytes } from "../progress.ts";

const SUBCOMMANDS = ["fetch", "list", "prune"] as const;
const HELP_OPTION = { help: { type: "boolean", short: "h" } } as const;

/** @throws UsageError, BootstrapError. */
export async function runRuntime(argv: readonly string[]): Promise<number> {
  const [word, ...rest] = argv;
  const subcommand = SUBCOMMANDS.find((name) => name === word);
  if (subcommand === undefined) {
    if (word === undefined || word === "--help" || word === "-h") return print(RUNTIME_HELP);
    throw unknown("run", "runtime command", word, SUBCOMMANDS);
  }
  const options =
    subcommand === "prune" ? { ...HELP_OPTION, all: { type: "boolean" } as const } : HELP_OPTION;
  const { values, positionals } = readArguments(rest, options);
  if (values.help === true) return print(RUNTIME_HELP);
  if (subcommand === "fetch") return fetch(positionals);
  if (positionals.length > 0) {
    throw new UsageError(`Cannot ${subcommand} "${positionals.join(" ")}": it takes no arguments`);
  }
  return subcommand === "list" ? list() : prune("all" in values && values.all === true);
}

async function fetch(targets: readonly string[]): Promise<number> {
  const pins = targets.length === 0 ? [ownPin()] : targets.map(findPin);
  const cache = new RuntimeCache();
  // Loaded here: a tunnel reads this file's neighbours, and never fetches.
  const { fetchRuntime } = await import("../../bootstrap/runtimes/fetch.ts");
  for (const pin of pins) {
    print(`fetching ${pin.name} ${pin.version} for ${pin.target} by npm\n`);
    const file = await fetchRuntime(pin, cache);
    print(`kept as ${file.path}, ${formatBytes(file.bytes)}, ${describeNeeds(pin)}\n`);
  }
  return 0;
}

function findPin(target: string): RuntimePin {
  const pin = RUNTIME_PINS.find((candidate) => candidate.target === target);
  if (pin !== undefined) return pin;
  throw unknown(
    "fetch",
    "runtime for",
    target,
    RUNTIME_PINS.map((candidate) => candidate.target),
  );
}

function ownPin(): RuntimePin {
  const machine = ownMachine();
  const [pin] = pinsFor(machine);
  if (pin !== undefined) return pin;
  throw new UsageError(
    `Cannot fetch a runtime for ${describeTarget(machine)}: there is none`,
    `known are ${RUNTIME_PINS.map(({ target }) => target).join(", ")}`,
  );
}

/** What stage 0 would find out about this machine. */
function ownMachine(): RuntimeTarget {
  const { platform, arch } = process;
  if (platform !== "linux") return { platform, arch, libc: undefined, libcVersion: undefined };
  const { header }: { header?: { glibcVersionRuntime?: string } } = process.report.getReport();
  const version = header?.glibcVersionRuntime;
  return { platform, arch, libc: version === undefined ? "musl" : "glibc", libcVersion: version };
}

async function list(): Promise<number> {
  const cached = await new RuntimeCache().list();
  const rows = [
    ["TARGET", "RUNTIME", "SIZE", "NEEDS", "PATH"],
    ownRow(),
    ...cached.map(({ pin, path, bytes }) => [
      pin.target,
      `${pin.name} ${pin.version}`,
      formatBytes(bytes),
      needs(pin.libc, pin.libcVersion, pin.libraries),
      path,
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return print(`${lines.join("\n")}\n`);
}

function ownRow(): string[] {
  const own = ownRuntime();
  const bytes = formatBytes(statSync(own.path).size);
  const name = `${own.name} ${own.version}`;
  try {
    const { platform, arch, libc, libcVersion, libraries } = withFile(own.path, readExecutable);
    const target = `${platform}-${arch}${libc === "musl" ? "-musl" : ""}`;
    return [target, name, bytes, needs(libc, libcVersion, libraries), `${own.path} (this one)`];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return ["unknown", name, bytes, reason, `${own.path} (this one)`];
  }
}

async function prune(all: boolean): Promise<number> {
  const removed = await new RuntimeCache().prune(all, Date.now());
  for (const { name, bytes } of removed) print(`removed ${name}, ${formatBytes(bytes)}\n`);
  return removed.length > 0 ? 0 : print("nothing to remove\n");
}

function describeNeeds({ libc, libcVersion, libraries }: RuntimePin): string {
  return `needs ${needs(libc, libcVersion, libraries)}`;
}

function needs(libc: string | undefined, version: string | undefined, libraries: readonly string[]): string {
  const system = libc === undefined ? [] : [version === undefined ? libc : `${libc} ${version}`];
  const all = [...system, ...libraries];
  return all.length === 0 ? "nothing" : all.join(", ");
}

function unknown(verb: string, what: string, word: string, known: readonly string[]): UsageError {
  const near = nearest(word, known);
  return new UsageError(
    `Cannot ${verb} ${what} "${word}": there is no such one, known are ${known.join(", ")}`,
    near === undefined ? undefined : `did you mean ${near}?`,
  );
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
