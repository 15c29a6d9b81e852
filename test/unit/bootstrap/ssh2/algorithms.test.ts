import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { algorithmsFor, preferKnownHostKeys } from "../../../../bootstrap/ssh2/algorithms.ts";
import { cpuHasAes } from "../../../../client/cpu-aes.ts";
import type { AlgorithmChoice } from "../../../../bootstrap/ssh2/algorithms.ts";

const NONE = { ciphers: undefined, macs: undefined, kexAlgorithms: undefined, hostKeyAlgorithms: undefined };
const choose = (words: Partial<typeof NONE> | Record<string, string>): AlgorithmChoice =>
  algorithmsFor({ ...NONE, ...words });

test("every algorithm that may be asked for is one that this ssh2 has", () => {
  const constants = createRequire(import.meta.url)("ssh2/lib/protocol/constants.js") as Record<
    string,
    string[]
  >;
  const all = choose({ ciphers: "*", macs: "*", kexAlgorithms: "*", hostKeyAlgorithms: "*" });
  for (const [ours, theirs] of [
    [all.cipher, "SUPPORTED_CIPHER"],
    [all.hmac, "SUPPORTED_MAC"],
    [all.kex, "SUPPORTED_KEX"],
    [all.serverHostKey, "SUPPORTED_SERVER_HOST_KEY"],
  ] as const) {
    assert.ok(ours !== undefined && ours.length > 3);
    assert.deepEqual(
      ours.filter((name) => constants[theirs]?.includes(name) !== true),
      [],
      theirs,
    );
  }
});

test("where nothing is asked for, this ssh2 has AES-GCM first, AES-128 before AES-256", () => {
  assert.equal(choose({}).cipher, undefined);
  const constants = createRequire(import.meta.url)("ssh2/lib/protocol/constants.js") as {
    DEFAULT_CIPHER: string[];
  };
  const preferred = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"];
  assert.deepEqual(
    constants.DEFAULT_CIPHER.filter((name) => !name.startsWith("chacha20")).slice(0, 2),
    preferred,
  );
  if (cpuHasAes() === true) assert.deepEqual(constants.DEFAULT_CIPHER.slice(0, 2), preferred);
});

test("a list stands for itself, with +, - and ^ for more, fewer and others first", () => {
  assert.deepEqual(choose({ ciphers: "aes256-ctr,unknown,aes128-ctr" }).cipher, ["aes256-ctr", "aes128-ctr"]);
  assert.ok(choose({ hostKeyAlgorithms: "+ssh-rsa" }).serverHostKey.includes("ssh-rsa"));
  assert.ok(!choose({ macs: "-*sha1*" }).hmac?.some((name) => name.includes("sha1")));
  assert.equal(choose({ kexAlgorithms: "^ecdh-sha2-nistp521" }).kex?.[0], "ecdh-sha2-nistp521");
});

test("signatures by SHA-1 are taken of a host only if they are asked for", () => {
  assert.ok(!choose({}).serverHostKey.includes("ssh-rsa"));
});

test("a list of which nothing is left is an error that says what there is", () => {
  assert.throws(
    () => choose({ ciphers: "rot13" }),
    /Ciphers is "rot13", of which ssh2 has none; it has aes128-gcm/,
  );
});

test("preferKnownHostKeys() puts the algorithms of known keys first; an RSA key has several", () => {
  const names = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"];
  assert.deepEqual(preferKnownHostKeys(names, ["ssh-rsa"]), [
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
  ]);
  assert.deepEqual(preferKnownHostKeys(names, []), names);
});

test("the user's own order of host key algorithms stays; one that only adds is ours to order", () => {
  assert.equal(choose({ hostKeyAlgorithms: "rsa-sha2-512,ssh-ed25519" }).serverHostKeyFixed, true);
  assert.equal(choose({ hostKeyAlgorithms: "+ssh-rsa" }).serverHostKeyFixed, false);
});
