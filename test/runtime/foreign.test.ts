/**
 * Packages of other people, with all that they depend on, as programs of the far side: what they print, and how they end,
 * is what they do on this machine from their own files.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { bundle } from "../../bundler/bundle.ts";
import { runHere, runThere } from "./far-side.ts";

const FIXTURES = fileURLToPath(new URL("../../../fixtures/foreign", import.meta.url));
const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/foreign", import.meta.url));

/** A folder with the programs and all of their packages, by the lock file. */
async function install(): Promise<string> {
  const lock = await readFile(join(FIXTURES, "package-lock.json"), "utf8");
  const home = join(CACHE, createHash("sha256").update(lock).digest("hex").slice(0, 16));
  if (!existsSync(home)) {
    await mkdir(CACHE, { recursive: true });
    const work = await mkdtemp(join(CACHE, ".work-"));
    await cp(FIXTURES, work, { recursive: true });
    await promisify(execFile)("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: work });
    // Whoever comes second finds the place taken by the same thing.
    await rename(work, home).catch(() => rm(work, { recursive: true }));
  }
  for (const name of programs) await cp(join(FIXTURES, name), join(home, name));
  return home;
}

const programs = (await readdir(FIXTURES)).filter((name) => name.endsWith(".ts"));
let home = "";

before(async () => {
  home = await install();
});

test("there are at least twelve of them, servers, parsers and command lines among them", () => {
  const names = programs.map((name) => name.replace(/\.ts$/, ""));
  assert.ok(names.length >= 12, names.join());
  for (const name of ["express", "fastify", "ws", "prettier", "acorn", "yargs", "commander"]) {
    assert.ok(names.includes(name), name);
  }
});

for (const name of programs) {
  test(`${name.replace(/\.ts$/, "")} does there what it does here`, async () => {
    const { code } = await transform(await readFile(join(home, name), "utf8"), { loader: "ts" });
    const plain = join(home, name.replace(/\.ts$/, ".mjs"));
    await writeFile(plain, code);
    const program = await bundle(join(home, name));
    const [here, there] = await Promise.all([
      runHere(process.execPath, [plain], home),
      runThere({ bundle: program }),
    ]);
    assert.notEqual(here.stdout + here.stderr, "");
    assert.deepEqual(there, here);
  });
}
