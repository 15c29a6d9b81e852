import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { BootstrapError } from "../../../../bootstrap/errors.ts";
import type { RuntimeFile, RuntimeTarget } from "../../../../bootstrap/runtime-provider.ts";
import { RuntimeCache } from "../../../../bootstrap/runtimes/cache.ts";
import { RUNTIME_PINS } from "../../../../bootstrap/runtimes/pins.ts";
import { describeTarget, pinsFor, runtimeProvider } from "../../../../bootstrap/runtimes/sources.ts";
import { linuxProgram } from "./elf-writer.ts";
import { temporaryFolder } from "./fake-package.ts";

const SERVER: RuntimeTarget = { platform: "linux", arch: "x64", libc: "glibc", libcVersion: "2.36" };

interface Near {
  readonly folder: string;
  readonly find: (target?: RuntimeTarget, from?: string) => Promise<RuntimeFile>;
}

/** A near side whose own runtime is that program, with an empty cache. */
function near(context: TestContext, own: Uint8Array = linuxProgram({ text: "node-v22.1.0" })): Near {
  const folder = temporaryFolder(context);
  const path = put(folder, "own/node", own);
  const cache = new RuntimeCache(join(folder, "cache"));
  return {
    folder,
    find: (target = SERVER, from) =>
      runtimeProvider({ from, own: { path, name: "node", version: "22.1.0" }, cache }).find(target),
  };
}

function put(folder: string, name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

function refusal(code: string, message: RegExp, hint: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof BootstrapError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.match(error.hint ?? "", hint);
    return true;
  };
}

test("our own runtime is taken where platform, processor and libc match", async (context) => {
  const { folder, find } = near(context);
  const file = await find();
  assert.equal(file.path, join(folder, "own/node"));
  assert.equal(`${file.name} ${file.version}`, "node 22.1.0");
  assert.match(file.sha256, /^[0-9a-f]{64}$/);
});

test("our own runtime is passed over with the reason, and the hint names the command that fetches one", async (context) => {
  const { find } = near(context);
  const cases: [target: RuntimeTarget, reason: RegExp, hint: RegExp][] = [
    [{ ...SERVER, arch: "arm64" }, /it is for linux-x64/, /sshuttle runtime fetch linux-arm64$/],
    [{ ...SERVER, platform: "darwin", libc: undefined }, /it is for linux-x64/, /runtime fetch darwin-x64$/],
    [{ ...SERVER, libc: "musl", libcVersion: "1.2.4" }, /it is for glibc/, /runtime fetch linux-x64-musl$/],
    [
      { ...SERVER, libcVersion: "2.12" },
      /needs glibc 2\.17, there is 2\.12.*none to fetch/,
      /--runtime-from/,
    ],
    [{ ...SERVER, libcVersion: undefined }, /which is there is unknown/, /fetch linux-x64-glibc2\.17$/],
    [
      { ...SERVER, libc: undefined, libcVersion: undefined },
      /which libc is there is unknown/,
      /--runtime-from/,
    ],
    [{ ...SERVER, platform: "freebsd", libc: undefined }, /none to fetch/, /--runtime-from/],
  ];
  for (const [target, reason, hint] of cases) {
    await assert.rejects(find(target), refusal("runtime-unavailable", reason, hint));
  }
});

test("our own runtime is passed over if it needs what a server may lack", async (context) => {
  for (const library of ["libnode.so.108", "libatomic.so.1"]) {
    const { find } = near(context, linuxProgram({ libraries: ["libc.so.6", "libstdc++.so.6", library] }));
    await assert.rejects(
      find(),
      refusal(
        "runtime-unavailable",
        new RegExp(`needs ${library.replaceAll(".", "\\.")}, which a server may lack`),
        /fetch linux-x64$/,
      ),
    );
  }
  const odd = near(context, linuxProgram({ loader: "/nix/store/abc-glibc/lib/ld-linux-x86-64.so.2" }));
  await assert.rejects(odd.find(), refusal("runtime-unavailable", /its loader is \/nix\/store/, /fetch/));
});

test("a program that brings its own libc fits every Linux for its processor", async (context) => {
  const { find } = near(context, linuxProgram({ loader: undefined, libraries: [], versions: [] }));
  for (const libc of ["musl", undefined] as const) {
    assert.equal((await find({ ...SERVER, libc, libcVersion: undefined })).version, "22.1.0");
  }
});

test("--runtime-from names one file, and is alone", async (context) => {
  const { folder, find } = near(context);
  const named = put(
    folder,
    "named",
    linuxProgram({ text: "Bun/1.4.5 node-v26.3.0", libraries: ["libatomic.so.1"] }),
  );
  const file = await find(SERVER, named);
  assert.deepEqual(
    [file.path, file.name, file.version, file.assumes],
    [named, "bun", "1.4.5", ["libatomic.so.1"]],
  );
  // What is not known of the server does not speak against what the user has named.
  assert.equal((await find({ ...SERVER, libc: undefined, libcVersion: undefined }, named)).path, named);
  const hint = /executable, or a folder/;
  await assert.rejects(
    find({ ...SERVER, arch: "arm64" }, named),
    refusal("runtime-file", /it is for linux-x64/, hint),
  );
  await assert.rejects(
    find({ ...SERVER, libcVersion: "2.5" }, named),
    refusal("runtime-file", /there is 2\.5/, hint),
  );
  await assert.rejects(find(SERVER, join(folder, "absent")), refusal("runtime-file", /ENOENT/, hint));
});

test("--runtime-from refuses a file that is no runtime, with what it is", async (context) => {
  const { folder, find } = near(context);
  const script = put(folder, "script", Buffer.from("#!/bin/sh\nexec node\n"));
  const program = put(folder, "program", linuxProgram());
  const cut = put(folder, "cut", linuxProgram().subarray(0, 100));
  await assert.rejects(find(SERVER, script), refusal("runtime-file", /neither an ELF nor a Mach-O/, /^$/));
  await assert.rejects(find(SERVER, program), refusal("runtime-file", /neither Node nor Bun nor Deno/, /^$/));
  await assert.rejects(find(SERVER, cut), refusal("runtime-file", /it has 100 bytes, and more/, /^$/));
});

test("--runtime-from finds in a folder the newest Node that fits, or else another runtime", async (context) => {
  const { folder, find } = near(context);
  const place = join(folder, "runtimes");
  put(place, "deno", linuxProgram({ text: "Deno/2.9.6" }));
  put(place, "node-v18/bin/node", linuxProgram({ text: "node-v18.2.0" }));
  put(
    place,
    "node-v22/bin/node",
    linuxProgram({ text: "node-v22.2.0", versions: [["libc.so.6", ["GLIBC_2.38"]]] }),
  );
  put(
    place,
    "node-v9/bin/node",
    linuxProgram({ text: "node-v9.2.0", versions: [["libc.so.6", ["GLIBC_2.9"]]] }),
  );
  put(
    place,
    "node-arm64",
    linuxProgram({ machine: 183, loader: "/lib/ld-linux-aarch64.so.1", text: "node-v24.0.0" }),
  );
  put(place, "node_modules/readme", Buffer.from("text"));
  assert.equal((await find(SERVER, place)).version, "18.2.0");
  assert.equal((await find({ ...SERVER, libcVersion: "2.12" }, place)).version, "9.2.0");
  assert.equal((await find({ ...SERVER, arch: "arm64" }, place)).version, "24.0.0");
  await assert.rejects(
    find({ ...SERVER, libc: "musl" }, place),
    refusal("runtime-file", /deno: it is for glibc/, /a folder that has one/),
  );
  mkdirSync(join(folder, "empty"));
  await assert.rejects(
    find(SERVER, join(folder, "empty")),
    refusal("runtime-file", /no node, bun or deno is in it/, /./),
  );
});

test("the pins for a machine are those whose libc is old enough, the best first", () => {
  const targets = (target: RuntimeTarget): string[] => pinsFor(target).map((pin) => pin.target);
  assert.deepEqual(targets(SERVER), ["linux-x64", "linux-x64-glibc2.17"]);
  assert.deepEqual(targets({ ...SERVER, libcVersion: "2.27" }), ["linux-x64-glibc2.17"]);
  assert.deepEqual(targets({ ...SERVER, libcVersion: undefined }), ["linux-x64-glibc2.17"]);
  assert.deepEqual(targets({ ...SERVER, libcVersion: "2.16" }), []);
  assert.deepEqual(targets({ ...SERVER, libc: "musl", libcVersion: undefined }), ["linux-x64-musl"]);
  assert.deepEqual(targets({ ...SERVER, libc: undefined, libcVersion: undefined }), []);
  assert.deepEqual(targets({ ...SERVER, arch: "s390x" }), []);
});

test("every pin has a target of its own, and the hashes that its kind has", () => {
  assert.equal(new Set(RUNTIME_PINS.map(({ target }) => target)).size, RUNTIME_PINS.length);
  for (const { integrity, sha256, target } of RUNTIME_PINS) {
    assert.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, target);
    assert.match(sha256, /^[0-9a-f]{64}$/, target);
  }
});

test("describeTarget() makes what the far side says harmless", () => {
  assert.equal(describeTarget(SERVER), "linux-x64 with glibc 2.36");
  assert.equal(
    describeTarget({ platform: "a\u001B[2J", arch: "b", libc: undefined, libcVersion: undefined }),
    "a\\u{1b}[2J-b",
  );
});
