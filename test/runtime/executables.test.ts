/** The readers of executables against real ones, and the one fetch from the real registry. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { withFile } from "../../bootstrap/runtimes/byte-source.ts";
import { RuntimeCache } from "../../bootstrap/runtimes/cache.ts";
import { ExecutableError } from "../../bootstrap/runtimes/elf.ts";
import { compareVersions, misfit, readExecutable } from "../../bootstrap/runtimes/executable.ts";
import type { Executable } from "../../bootstrap/runtimes/executable.ts";
import { fetchRuntime } from "../../bootstrap/runtimes/fetch.ts";
import { RUNTIME_PINS } from "../../bootstrap/runtimes/pins.ts";
import { inspectRuntime } from "../../bootstrap/runtimes/runtime-file.ts";
import { runtimePath } from "../lab/runtimes.ts";

const GCC = ["libstdc++.so.6", "libgcc_s.so.1"];

for (const [version, libcVersion, libraries] of [
  ["8.17.0", "2.9", GCC],
  ["12.22.12", "2.17", GCC],
  ["20.20.2", "2.28", GCC],
  ["26.10.0", "2.28", ["libatomic.so.1", ...GCC]],
] as const) {
  test(`Node ${version} needs glibc ${libcVersion} and ${libraries.join(", ")}, and says its version`, async () => {
    const { executable, file } = await inspectRuntime(await runtimePath(version));
    assert.deepEqual(executable, {
      platform: "linux",
      arch: "x64",
      libc: "glibc",
      libcVersion,
      loader: "/lib64/ld-linux-x86-64.so.2",
      libraries,
    });
    assert.equal(`${file.name} ${file.version}`, `node ${version}`);
    assert.equal(file.bytes, statSync(file.path).size);
  });
}

/** The ELF programs of /usr/bin, scripts left out. */
function programs(): [path: string, program: Executable][] {
  return readdirSync("/usr/bin").flatMap((name): [string, Executable][] => {
    const path = join("/usr/bin", name);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return [];
    try {
      return [[path, withFile(path, readExecutable)]];
    } catch (error) {
      assert.ok(error instanceof ExecutableError, `${path}: ${String(error)}`);
      assert.match(error.message, /neither an ELF nor a Mach-O/, path);
      return [];
    }
  });
}

test("every program of /usr/bin fits this machine by what it says, since it runs here", () => {
  const glibc = execFileSync("getconf", ["GNU_LIBC_VERSION"], { encoding: "utf8" }).trim().split(" ")[1];
  assert.ok(glibc !== undefined);
  const here = { platform: "linux", arch: process.arch, libc: "glibc", libcVersion: glibc } as const;
  const all = programs();
  assert.ok(all.length > 100, `${all.length} programs`);
  for (const [path, program] of all) assert.equal(misfit(program, here, true), undefined, path);
  const newest = all
    .flatMap(([, { libcVersion }]) => libcVersion ?? [])
    .toSorted(compareVersions)
    .at(-1);
  assert.ok(newest !== undefined && compareVersions(newest, "2.30") > 0, newest);
});

test("a pinned runtime comes from the registry by npm, is what the table says, and runs", async () => {
  const pin = RUNTIME_PINS.find(({ target }) => target === "linux-x64-glibc2.17");
  assert.ok(pin !== undefined);
  const folder = mkdtempSync(join(tmpdir(), "sshuttle-runtimes-"));
  try {
    const { path } = await fetchRuntime(pin, new RuntimeCache(folder));
    assert.equal(execFileSync(path, ["-v"], { encoding: "utf8" }), `v${pin.version}\n`);
    const { executable, file } = await inspectRuntime(path);
    assert.deepEqual([executable.libcVersion, executable.libraries], [pin.libcVersion, pin.libraries]);
    assert.deepEqual([file.name, file.version, file.sha256], [pin.name, pin.version, pin.sha256]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
