import assert from "node:assert/strict";
import { test } from "node:test";
import { nameFile, nameFiles } from "../../../bundler/filenames.ts";

function names(root: string, ...paths: string[]): string[] {
  return [...nameFiles(root, paths).values()];
}

test("nameFiles() names files by their path from the root", () => {
  assert.deepEqual(names("/home/me/app", "/home/me/app/src/main.ts", "/home/me/app/node_modules/x/i.js"), [
    "src/main.ts",
    "node_modules/x/i.js",
  ]);
});

test("nameFiles() names a package outside of the root as if it were installed in it", () => {
  assert.deepEqual(names("/repo/packages/app", "/repo/packages/app/a.ts", "/repo/node_modules/x/i.js"), [
    "a.ts",
    "node_modules/x/i.js",
  ]);
  assert.deepEqual(names("/x/node_modules/app", "/x/node_modules/app/a.js", "/x/node_modules/@y/z/i.js"), [
    "a.js",
    "node_modules/@y/z/i.js",
  ]);
  assert.deepEqual(
    names("/r/node_modules/@me/app", "/r/node_modules/@me/app/a.js", "/r/node_modules/@me/lib/b.js"),
    ["a.js", "node_modules/@me/lib/b.js"],
  );
});

test("nameFiles() starts at the lowest common folder where sources lie outside of the root", () => {
  assert.deepEqual(names("/repo/app", "/repo/app/a.ts", "/repo/lib/b.ts", "/repo/node_modules/x/i.js"), [
    "app/a.ts",
    "lib/b.ts",
    "node_modules/x/i.js",
  ]);
});

test("nameFiles() starts there as well where two packages would get one name", () => {
  assert.deepEqual(names("/repo/app", "/repo/app/node_modules/x/i.js", "/repo/node_modules/x/i.js"), [
    "app/node_modules/x/i.js",
    "node_modules/x/i.js",
  ]);
});

test("nameFiles() takes a folder whose name begins like the root's for outside", () => {
  assert.deepEqual(names("/repo/app", "/repo/app/a.ts", "/repo/app-2/b.ts"), ["app/a.ts", "app-2/b.ts"]);
});

test("nameFiles() refuses sources outside of a root that the user chose", () => {
  assert.throws(() => nameFiles("/repo/app", ["/repo/lib/b.ts"], true), {
    code: "bundle-unsupported",
    message: 'Cannot bundle "/repo/lib/b.ts": it lies outside of the root "/repo/app"',
  });
  assert.deepEqual(
    [...nameFiles("/repo/app", ["/repo/node_modules/x/i.js"], true).values()],
    ["node_modules/x/i.js"],
  );
});

test("nameFile() leaves a file outside of the root its path", () => {
  assert.equal(nameFile("/repo/app", "/repo/lib/b.ts"), "/repo/lib/b.ts");
  assert.equal(nameFile("/repo/app", "/repo/app/b.ts"), "b.ts");
});
