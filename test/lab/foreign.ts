/** Programs of fixtures/foreign, one for each of the packages of other people that they try, and how they get there. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transform } from "esbuild";

const FIXTURES = fileURLToPath(new URL("../../../fixtures/foreign", import.meta.url));
const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/foreign", import.meta.url));

/** File names, sorted. */
export const FOREIGN_PROGRAMS: readonly string[] = (await readdir(FIXTURES))
  .filter((name) => name.endsWith(".ts"))
  .toSorted();

export const foreignName = (program: string): string => program.replace(/\.ts$/, "");

/**
 * A folder with the programs, each also as plain JavaScript (NAME.mjs), and all of their packages, installed once.
 * @throws Error with npm's words.
 */
export async function installForeign(): Promise<string> {
  const lock = await readFile(join(FIXTURES, "package-lock.json"));
  const home = join(CACHE, createHash("sha256").update(lock).digest("hex").slice(0, 16));
  if (!existsSync(home)) {
    await mkdir(CACHE, { recursive: true });
    const work = await mkdtemp(join(CACHE, ".work-"));
    try {
      await cp(FIXTURES, work, { recursive: true });
      await promisify(execFile)("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: work });
      // Whoever comes second finds the place taken by the same thing.
      await rename(work, home).catch((error: unknown) => {
        if (!existsSync(home)) throw error;
      });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  for (const name of FOREIGN_PROGRAMS) {
    const source = await readFile(join(FIXTURES, name), "utf8");
    await writeFile(join(home, name), source);
    await writeFile(join(home, `${foreignName(name)}.mjs`), (await transform(source, { loader: "ts" })).code);
  }
  return home;
}
