import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { cpuHasAes, judgeAes, parseCpuinfo } from "../../../client/cpu-aes.ts";

const X86 = (flags: string): string => `processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) with aes in its name
flags\t\t: ${flags}
vmx flags\t: vnmi
bugs\t\t: spectre_v1

processor\t: 1
flags\t\t: fpu aes pclmulqdq
`;
const ARM = (features: string): string => `processor\t: 0
BogoMIPS\t: 243.75
Features\t: ${features}
CPU implementer\t: 0x41
`;

test("parseCpuinfo() wants the instructions of AES and of GCM, on x86 and on ARM, as whole words", () => {
  assert.equal(parseCpuinfo(X86("fpu vme pclmulqdq ssse3 aes xsave")), true);
  assert.equal(parseCpuinfo(X86("fpu vme ssse3 aes xsave")), false);
  assert.equal(parseCpuinfo(X86("fpu vme pclmulqdq vaes xsave")), false);
  assert.equal(parseCpuinfo(ARM("fp asimd evtstrm aes pmull sha1 sha2 crc32")), true);
  // A Raspberry Pi 4.
  assert.equal(parseCpuinfo(ARM("fp asimd evtstrm crc32 cpuid")), false);
});

test("parseCpuinfo() does not know what is worded otherwise", () => {
  assert.equal(parseCpuinfo(""), undefined);
  assert.equal(parseCpuinfo("processor\t: 0\ncpu\t\t: POWER9, altivec supported\n"), undefined);
  assert.equal(parseCpuinfo("vendor_id       : IBM/S390\nfeatures\t: esan3 zarch stfle msa\n"), undefined);
});

test("judgeAes() takes every Mac for one that has them, and knows nothing of other systems", () => {
  const never = (): string => assert.fail("there is no such file");
  assert.equal(judgeAes("darwin", never), true);
  assert.equal(judgeAes("win32", never), undefined);
  assert.equal(judgeAes("freebsd", never), undefined);
  assert.equal(
    judgeAes("linux", () => ARM("fp aes pmull")),
    true,
  );
});

test("cpuHasAes() says of this machine what lscpu says", { skip: process.platform !== "linux" }, () => {
  const words = execFileSync("lscpu", { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } }).split(
    /\s+/,
  );
  const isKnown = ["x64", "arm64"].includes(process.arch);
  const has = words.includes("aes") && (words.includes("pclmulqdq") || words.includes("pmull"));
  assert.equal(cpuHasAes(), isKnown ? has : undefined);
});
