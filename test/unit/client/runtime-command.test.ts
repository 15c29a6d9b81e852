import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { RUNTIME_PINS } from "../../../bootstrap/runtimes/pins.ts";
import { RUNTIME_HELP } from "../../../client/help.ts";
import { temporaryFolder } from "../bootstrap/runtimes/fake-package.ts";

const MAIN = fileURLToPath(new URL("../../../client/main.js", import.meta.url));
const PAGE = readFileSync(new URL("../../../../docs/runtime-upload.md", import.meta.url), "utf8");

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runtime(cacheHome: string, ...args: string[]): Outcome {
  const env: NodeJS.ProcessEnv = { ...process.env, XDG_CACHE_HOME: cacheHome };
  delete env["SUDO_UID"];
  return spawnSync(process.execPath, [MAIN, "runtime", ...args], { encoding: "utf8", env });
}

test("runtime list shows our own runtime and what it needs, then those that were fetched", (context) => {
  const home = temporaryFolder(context);
  const before = runtime(home, "list");
  assert.equal(before.status, 0, before.stderr);
  const [head, own, ...others] = before.stdout.trimEnd().split("\n");
  assert.match(head ?? "", /^TARGET +RUNTIME +SIZE +NEEDS +PATH$/);
  assert.match(
    own ?? "",
    new RegExp(`^${process.platform}-${process.arch}.* node ${process.versions.node} .*this one`),
  );
  assert.deepEqual(others, []);
  const folder = join(home, "sshuttle", "runtimes");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "bun-1.4.5-linux-arm64-musl"), "of whatever content");
  const after = runtime(home, "list");
  assert.match(after.stdout, /\nlinux-arm64-musl +bun 1\.4\.5 +19 B +musl, libstdc\+\+\.so\.6 +\//);
});

test("runtime prune says what it removes", (context) => {
  const home = temporaryFolder(context);
  assert.equal(runtime(home, "prune").stdout, "nothing to remove\n");
  const folder = join(home, "sshuttle", "runtimes");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "node-1.0.0-linux-x64"), "old");
  const { status, stdout } = runtime(home, "prune");
  assert.equal(status, 0);
  assert.equal(stdout, "removed node-1.0.0-linux-x64, 3 B\n");
  assert.ok(!existsSync(join(folder, "node-1.0.0-linux-x64")));
});

test("a target, a command or an argument that does not exist ends with 64, and the nearest is suggested", (context) => {
  const home = temporaryFolder(context);
  const cases: readonly [args: string[], message: RegExp][] = [
    [["fetch", "linux-arm46"], /known are linux-x64, .*darwin-arm64\n.*did you mean linux-arm64\?/],
    [["fetch", "windows-x64"], /Cannot fetch runtime for "windows-x64": there is no such one/],
    [["lst"], /known are fetch, list, prune\n.*did you mean list\?/],
    [["list", "all"], /it takes no arguments/],
    [["fetch", "--all"], /there is no such option/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = runtime(home, ...args);
    assert.equal(status, 64, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, message);
  }
});

test("runtime fetch without npm ends with 69 and says what else can be done", (context) => {
  const home = temporaryFolder(context);
  const env = { ...process.env, XDG_CACHE_HOME: home, PATH: home };
  const args = [MAIN, "runtime", "fetch", "linux-x64-musl"];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env });
  assert.equal(status, 69);
  assert.match(stderr, /npm cannot be started.*\n.*install npm, or fetch @oven\/bun-.* --runtime-from/);
});

test("the help and the page name every target that can be fetched, the page with its runtime", () => {
  for (const { target, name, version } of RUNTIME_PINS) {
    assert.ok(RUNTIME_HELP.includes(target), target);
    const row = PAGE.split("\n").find((line) => line.includes(`\`${target}\``) && line.startsWith("| `"));
    assert.ok(row?.toLowerCase().includes(`${name} ${version}`), target);
  }
});
