/**
 * Packages of other people, with all that they depend on, as programs of the far side: what they print, and how they end,
 * is what they do on this machine from their own files. Over a real sshd: e2e/foreign.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { bundle } from "../../bundler/bundle.ts";
import { FOREIGN_PROGRAMS, foreignName, installForeign } from "../lab/foreign.ts";
import { runHere, runThere } from "./far-side.ts";

let home = "";

before(async () => {
  home = await installForeign();
});

test("there are at least twelve of them, servers, parsers and command lines among them", () => {
  const names = FOREIGN_PROGRAMS.map(foreignName);
  assert.ok(names.length >= 12, names.join());
  for (const name of ["express", "fastify", "ws", "prettier", "acorn", "yargs", "commander"]) {
    assert.ok(names.includes(name), name);
  }
});

test("some of them are deep, and some have cycles", async () => {
  const { modules } = await bundle(join(home, "fastify.ts"));
  assert.ok(modules.length > 200, String(modules.length));
  const importsOf = new Map(modules.map(({ filename, imports }) => [filename, imports]));
  const reaches = (from: string, goal: string, seen = new Set<string>()): boolean =>
    (importsOf.get(from) ?? []).some(({ filename }) => {
      if (filename === undefined || seen.has(filename)) return false;
      seen.add(filename);
      return filename === goal || reaches(filename, goal, seen);
    });
  assert.ok(modules.some(({ filename }) => reaches(filename, filename)));
});

for (const name of FOREIGN_PROGRAMS) {
  test(`${foreignName(name)} does there what it does here`, async () => {
    const program = await bundle(join(home, name));
    const [here, there] = await Promise.all([
      runHere(process.execPath, [join(home, `${foreignName(name)}.mjs`)], home),
      runThere({ bundle: program }),
    ]);
    assert.notEqual(here.stdout + here.stderr, "");
    assert.deepEqual(there, here);
  });
}
