/**
 * Where a runtime to upload comes from: a file that was named, or else our own, or else one that was fetched.
 * Nothing here touches the network.
 */
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { printable } from "../../bundler/printable.ts";
import { withFile } from "./byte-source.ts";
import type { RuntimeCache } from "./cache.ts";
import { BootstrapError } from "../errors.ts";
import { compareVersions, misfit, readExecutable } from "./executable.ts";
import type { RuntimeFile, RuntimeProvider, RuntimeTarget, UploadProgress } from "../runtime-provider.ts";
import { RUNTIME_PINS } from "./pins.ts";
import type { RuntimePin } from "./pins.ts";
import { inspectRuntime } from "./runtime-file.ts";
import type { InspectedRuntime, NamedRuntime } from "./runtime-file.ts";

export interface RuntimeSources {
  /** A runtime's executable, or a folder with some of them; then nothing else is looked at. */
  readonly from?: string | undefined;
  readonly own: OwnRuntime;
  readonly cache: RuntimeCache;
  readonly onUpload?: RuntimeProvider["onUpload"];
  readonly onProgress?: (progress: UploadProgress) => void;
}

/** The runtime that runs us. */
export interface OwnRuntime extends NamedRuntime {
  readonly path: string;
}

/**
 * libgcc_s and libstdc++ are part of every glibc system that has a package manager written in C++ (apt, dnf, zypper);
 * libatomic, which Node 26 needs, comes with compilers only.
 */
const COMMON_LIBRARIES = new Set(["libstdc++.so.6", "libgcc_s.so.1"]);

/** How deep a folder is searched: VERSION/bin/node, or a package of it in node_modules. */
const MAX_DEPTH = 4;
const MAX_ENTRIES = 10_000;
const RUNTIME_NAME = /^(node|bun|deno)/;

export function ownRuntime(): OwnRuntime {
  const { bun, node } = process.versions;
  return {
    path: process.execPath,
    ...(bun === undefined ? { name: "node", version: node } : { name: "bun", version: bun }),
  };
}

/** Runtimes for launch() to upload, from those sources in the order of this file's head. */
export function runtimeProvider(sources: RuntimeSources): RuntimeProvider {
  const { from, own, cache, onUpload, onProgress } = sources;
  return {
    find: (target) => (from === undefined ? findFitting(target, own, cache) : findNamed(from, target)),
    ...(onUpload === undefined ? {} : { onUpload }),
    ...(onProgress === undefined ? {} : { onProgress }),
  };
}

/** "linux-arm64 with glibc 2.31", for people. */
export function describeTarget({ platform, arch, libc, libcVersion }: RuntimeTarget): string {
  const detail =
    libc === undefined ? "" : ` with ${libc}${libcVersion === undefined ? "" : ` ${libcVersion}`}`;
  return printable(`${platform}-${arch}${detail}`);
}

/** The pins that run on such a machine, the best first. Of an unknown glibc only the oldest is expected. */
export function pinsFor(
  target: RuntimeTarget,
  pins: readonly RuntimePin[] = RUNTIME_PINS,
): readonly RuntimePin[] {
  const fitting = pins.filter((pin) => {
    if (pin.libc !== target.libc) return false;
    return misfit({ ...pin, loader: undefined }, target, false) === undefined;
  });
  return target.libc === "glibc" && target.libcVersion === undefined ? fitting.slice(-1) : fitting;
}

async function findFitting(
  target: RuntimeTarget,
  own: OwnRuntime,
  cache: RuntimeCache,
): Promise<RuntimeFile> {
  const reason = ownMisfit(own, target);
  if (reason === undefined) return (await inspectRuntime(own.path, own)).file;
  const pins = pinsFor(target);
  for (const pin of pins) {
    const file = await cache.find(pin);
    if (file !== undefined) return file;
  }
  const [best] = pins;
  throw new BootstrapError(
    "runtime-unavailable",
    `Cannot find a runtime to upload to ${describeTarget(target)}: this machine's ${own.name} ${own.version} does not fit, ${reason}; ` +
      (best === undefined ? "there is none to fetch for it" : "none that fits was fetched"),
    {
      hint:
        best === undefined
          ? "name a runtime's executable by --runtime-from, or install one there"
          : `fetch one once: sshuttle runtime fetch ${best.target}`,
    },
  );
}

/** Why our own runtime is not to be uploaded to such a machine; undefined if it may be. */
export function ownMisfit(own: OwnRuntime, target: RuntimeTarget): string | undefined {
  let executable;
  try {
    executable = withFile(own.path, readExecutable);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const reason = misfit(executable, target, true);
  if (reason !== undefined) return reason;
  const rare = executable.libraries.filter((name) => !COMMON_LIBRARIES.has(name));
  return rare.length === 0 ? undefined : `it needs ${rare.join(", ")}, which a server may lack`;
}

async function findNamed(from: string, target: RuntimeTarget): Promise<RuntimeFile> {
  const status = await stat(from).catch((cause: Error) => {
    throw unusable(from, target, cause.message);
  });
  if (!status.isDirectory()) {
    const { file, executable } = await inspectRuntime(from);
    const reason = misfit(executable, target, false);
    if (reason !== undefined) throw unusable(from, target, reason);
    return file;
  }
  const runtimes: InspectedRuntime[] = [];
  const reasons: string[] = [];
  for (const path of await runtimesIn(from)) {
    const reason = headerMisfit(path, target);
    if (reason !== undefined) reasons.push(`${path}: ${reason}`);
    else runtimes.push(await inspectRuntime(path));
  }
  const best = runtimes.toSorted(
    (a, b) => rank(b.file) - rank(a.file) || compareVersions(b.file.version, a.file.version),
  )[0];
  if (best !== undefined) return best.file;
  throw unusable(
    from,
    target,
    reasons.length === 0 ? "no node, bun or deno is in it" : reasons.slice(0, 3).join("; "),
  );
}

/** Node is what the agent is made for. */
function rank({ name }: RuntimeFile): number {
  return name === "node" ? 1 : 0;
}

function headerMisfit(path: string, target: RuntimeTarget): string | undefined {
  try {
    return misfit(withFile(path, readExecutable), target, false);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Files by the names of runtimes, breadth first; links are not followed. */
async function runtimesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  let level = [folder];
  let left = MAX_ENTRIES;
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth++) {
    const next: string[] = [];
    for (const parent of level) {
      const entries: Dirent[] = await readdir(parent, { withFileTypes: true }).catch(() => []);
      for (const entry of entries.slice(0, left)) {
        const path = join(parent, entry.name);
        if (entry.isDirectory()) next.push(path);
        else if (entry.isFile() && RUNTIME_NAME.test(entry.name)) found.push(path);
      }
      left -= Math.min(left, entries.length);
    }
    level = next;
  }
  return found;
}

function unusable(from: string, target: RuntimeTarget, reason: string): BootstrapError {
  return new BootstrapError(
    "runtime-file",
    `Cannot upload a runtime from "${printable(from)}" to ${describeTarget(target)}: ${printable(reason)}`,
    { hint: "--runtime-from takes a runtime's executable, or a folder that has one for that machine" },
  );
}
