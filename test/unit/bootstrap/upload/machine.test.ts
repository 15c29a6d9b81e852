import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { MACHINE_SCRIPT, parseMachine } from "../../../../bootstrap/upload/machine.ts";

const OK = "dc51b8c96c2d745df3bd5590d990230a482fd247123599548e0632fdbf97fc22";
const MUSL_LDD = "musl libc (x86_64) Version 1.2.3 Dynamic Program Loader Usage: ldd [options] [--] pathname";
const DEBIAN_LDD = "ldd (Debian GLIBC 2.36-9+deb12u10) 2.36 Copyright (C) 2022 Free Software Foundation";
const NO_LOADERS = "/lib/ld-musl-* /lib*/ld-linux* /lib/*/ld-linux*";

const MACHINES: readonly (readonly [answer: string, target: string])[] = [
  [`Linux|x86_64|64|ok|ok|${OK}  -|glibc 2.36|${NO_LOADERS}`, "linux x64 glibc 2.36"],
  [`Linux|x86_64|64|ok|ok|${OK}  -|${DEBIAN_LDD}|${NO_LOADERS}`, "linux x64 glibc 2.36"],
  [`Linux|aarch64|64|ok|ok|${OK}  -|${MUSL_LDD}|/lib/ld-musl-aarch64.so.1`, "linux arm64 musl 1.2"],
  [`Linux|aarch64|32|ok|ok|${OK}  -|glibc 2.31|${NO_LOADERS}`, "linux arm glibc 2.31"],
  [`Linux|x86_64|32|ok|ok|${OK}  -|glibc 2.31|${NO_LOADERS}`, "linux ia32 glibc 2.31"],
  [`Linux|armv7l||ok|ok|${OK}  -|sh: ldd: not found|/lib/ld-musl-armhf.so.1`, "linux arm musl undefined"],
  [`Linux|x86_64||ok|ok|${OK}  -||/lib64/ld-linux-x86-64.so.2`, "linux x64 glibc undefined"],
  [`Linux|riscv64|64|ok|ok|${OK}  -||${NO_LOADERS}`, "linux riscv64 undefined undefined"],
  [`Darwin|arm64|64|ok|ok|${OK}  -|sh: ldd: not found|${NO_LOADERS}`, "darwin arm64 undefined undefined"],
  [`FreeBSD|amd64|64|ok|ok|${OK}|sh: ldd: not found|`, "freebsd x64 undefined undefined"],
  ["Haiku|m68k||||||", "Haiku m68k undefined undefined"],
];

for (const [answer, expected] of MACHINES) {
  test(`parseMachine() reads a machine of ${expected} from ${answer.slice(0, 24)}…`, () => {
    const { platform, arch, libc, libcVersion } = parseMachine(`machine ${answer}`)?.target ?? {};
    assert.equal(`${platform} ${arch} ${libc} ${libcVersion}`, expected);
  });
}

test("parseMachine() takes a tool for absent unless it did what it was asked", () => {
  const tools = (gzip: string, head: string, hash: string): unknown =>
    parseMachine(`machine Linux|x86_64|64|${gzip}|${head}|${hash}||`)?.tools;
  assert.deepEqual(tools("ok", "ok", `${OK}  -`), { gzip: true, head: true, sha256: true });
  assert.deepEqual(tools("", "okay", "e3b0c442"), { gzip: false, head: false, sha256: false });
});

test("parseMachine() takes any other line for no answer, and keeps what it does not know short", () => {
  fc.assert(
    fc.property(fc.string(), (line) => {
      const machine = parseMachine(line);
      assert.equal(machine, undefined);
    }),
  );
  const { target } = parseMachine(`machine ${"x".repeat(5000)}|${"y".repeat(5000)}||||||`) ?? {};
  assert.deepEqual([target?.platform.length, target?.arch.length], [32, 32]);
});

test("MACHINE_SCRIPT says what this machine is", () => {
  const { stderr } = spawnSync("sh", ["-c", `k=mark;${MACHINE_SCRIPT}`], { encoding: "utf8" });
  const machine = parseMachine(stderr.replace(/^mark /, "").trimEnd());
  assert.deepEqual([machine?.target.platform, machine?.target.arch], [process.platform, process.arch]);
  assert.deepEqual(machine?.tools, { gzip: true, head: true, sha256: true });
});
