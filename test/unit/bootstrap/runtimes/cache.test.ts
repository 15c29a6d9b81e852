import assert from "node:assert/strict";
import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BootstrapError } from "../../../../bootstrap/errors.ts";
import { RuntimeCache, runtimeCacheDirectory } from "../../../../bootstrap/runtimes/cache.ts";
import type { RuntimePin } from "../../../../bootstrap/runtimes/pins.ts";
import { EXECUTABLE, pinOf, temporaryFolder } from "./fake-package.ts";

const PIN: RuntimePin = pinOf(Buffer.alloc(0));

test("a file that is in the cache is the runtime only as long as its sha256 is the pinned one", async (context) => {
  const cache = new RuntimeCache(temporaryFolder(context), [PIN]);
  assert.equal(await cache.find(PIN), undefined);
  writeFileSync(cache.pathOf(PIN), EXECUTABLE);
  assert.equal((await cache.find(PIN))?.sha256, PIN.sha256);
  const changed = Buffer.from(EXECUTABLE);
  changed[200] = (changed[200] ?? 0) ^ 1;
  writeFileSync(cache.pathOf(PIN), changed);
  await assert.rejects(cache.find(PIN), (error) => {
    assert.ok(error instanceof BootstrapError);
    assert.equal(error.code, "runtime-damaged");
    assert.match(error.message, /its sha256 is [0-9a-f]{64}, that of node 20\.1\.0 is [0-9a-f]{64}/);
    assert.equal(error.hint, "fetch it anew: sshuttle runtime fetch linux-x64-glibc2.17");
    return true;
  });
});

test("a cache that is not there is empty, and looking does not make it", async (context) => {
  const folder = temporaryFolder(context);
  const cache = new RuntimeCache(join(folder, "none"), [PIN]);
  assert.deepEqual(await cache.list(), []);
  assert.equal(await cache.find(PIN), undefined);
  assert.deepEqual(await cache.prune(true, Date.now()), []);
  assert.deepEqual(readdirSync(folder), []);
});

test("a link in the place of the cache's folder is not followed, nor is a file taken for it", async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, "elsewhere"));
  writeFileSync(join(folder, "elsewhere", "node-20.1.0-linux-x64-glibc2.17"), EXECUTABLE);
  symlinkSync(join(folder, "elsewhere"), join(folder, "link"));
  const cache = new RuntimeCache(join(folder, "link"), [PIN]);
  const isRefused = (error: unknown): boolean =>
    error instanceof BootstrapError &&
    error.code === "runtime-cache" &&
    /not a directory/.test(error.message);
  await assert.rejects(cache.find(PIN), isRefused);
  await assert.rejects(
    cache.withWorkFolder(() => Promise.resolve()),
    isRefused,
  );
});

test("prune() removes what no pin names, what is damaged and what was left behind, and all else if told so", async (context) => {
  const directory = temporaryFolder(context);
  const other = { ...PIN, target: "linux-arm64" };
  const cache = new RuntimeCache(directory, [PIN, other]);
  writeFileSync(cache.pathOf(PIN), EXECUTABLE);
  writeFileSync(cache.pathOf(other), "damaged");
  writeFileSync(join(directory, "node-12.0.0-linux-x64"), "of an older version");
  mkdirSync(join(directory, ".new-left"));
  mkdirSync(join(directory, ".new-in-work"));
  const nowMs = Date.now();
  const beforeS = nowMs / 1000 - 7200;
  utimesSync(join(directory, ".new-left"), beforeS, beforeS);
  const removed = await cache.prune(false, nowMs);
  assert.deepEqual(removed.map(({ name }) => name).toSorted(), [
    ".new-left",
    "node-12.0.0-linux-x64",
    "node-20.1.0-linux-arm64",
  ]);
  assert.deepEqual(
    (await cache.prune(true, nowMs)).map(({ name }) => name),
    ["node-20.1.0-linux-x64-glibc2.17"],
  );
  assert.deepEqual(readdirSync(directory), [".new-in-work"]);
});

test("runtimeCacheDirectory() is the user's by XDG, and root's own under sudo", () => {
  assert.equal(runtimeCacheDirectory({ XDG_CACHE_HOME: "/var/tmp/c" }), "/var/tmp/c/sshuttle/runtimes");
  for (const ignored of ["", "relative/path"]) {
    assert.match(runtimeCacheDirectory({ XDG_CACHE_HOME: ignored }), /^\/.*\/\.cache\/sshuttle\/runtimes$/);
  }
  const underSudo = runtimeCacheDirectory({ XDG_CACHE_HOME: "/home/user/.cache", SUDO_UID: "1000" });
  const isRoot = process.geteuid?.() === 0;
  assert.equal(underSudo.startsWith("/home/user/.cache"), !isRoot);
});
