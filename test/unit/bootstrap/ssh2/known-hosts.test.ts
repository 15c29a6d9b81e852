import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fingerprint, keyTypeName } from "../../../../bootstrap/ssh2/fingerprint.ts";
import {
  judgeHostKey,
  knownHostName,
  knownKeyTypes,
  parseKnownHosts,
} from "../../../../bootstrap/ssh2/known-hosts.ts";
import type { HostKeyVerdict } from "../../../../bootstrap/ssh2/known-hosts.ts";
import { appendKnownHost } from "../../../../bootstrap/ssh2/known-hosts-files.ts";

const directory = mkdtempSync(join(tmpdir(), "known-hosts-"));
after(() => rmSync(directory, { recursive: true }));

function makeKey(
  name: string,
  type: string,
): { readonly line: string; readonly blob: Buffer; readonly file: string } {
  const file = join(directory, name);
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "", "-f", file]);
  const line = readFileSync(`${file}.pub`, "utf8").trim();
  return { file: `${file}.pub`, line, blob: Buffer.from(line.split(" ")[1] ?? "", "base64") };
}

const ED25519 = makeKey("ed25519", "ed25519");
const OTHER = makeKey("other", "ed25519");
const ECDSA = makeKey("ecdsa", "ecdsa");
const RSA = makeKey("rsa", "rsa");

function judge(text: string, key: Buffer, name = "host"): HostKeyVerdict {
  return judgeHostKey(parseKnownHosts({ file: "known_hosts", text }), name, key);
}

test("fingerprint() and keyTypeName() say what ssh-keygen -l says", () => {
  for (const { file, blob } of [ED25519, ECDSA, RSA]) {
    const said = execFileSync("ssh-keygen", ["-l", "-f", file], { encoding: "utf8" });
    const [, print, type] = /^\d+ (\S+) .*\((\S+)\)\n$/.exec(said) ?? [];
    assert.deepEqual([fingerprint(blob), keyTypeName(blob)], [print, type]);
  }
});

test("a host with its own key is known, though it has others as well", () => {
  assert.equal(judge(`host ${RSA.line}\nhost ${ED25519.line}\n`, ED25519.blob).kind, "known");
});

test("another key than the known ones is a change, told with file and line of the one of its type", () => {
  const verdict = judge(`# first\nhost ${RSA.line}\nhost ${OTHER.line}\n`, ED25519.blob);
  assert.ok(verdict.kind === "changed");
  assert.deepEqual([verdict.known.file, verdict.known.line], ["known_hosts", 3]);
  assert.equal(judge(`host ${RSA.line}\n`, ED25519.blob).kind, "changed");
});

test("a host that only an authority speaks of is unknown, and the authority is named", () => {
  const verdict = judge(`@cert-authority *,!x ${OTHER.line}\n`, ED25519.blob);
  assert.ok(verdict.kind === "unknown");
  assert.equal(verdict.authority?.line, 1);
  assert.equal(judge(`other ${ED25519.line}\n`, ED25519.blob).kind, "unknown");
});

test("a revoked key is refused though another line knows it", () => {
  assert.equal(judge(`host ${ED25519.line}\n@revoked * ${ED25519.line}\n`, ED25519.blob).kind, "revoked");
  assert.equal(judge(`host ${ED25519.line}\n@revoked * ${OTHER.line}\n`, ED25519.blob).kind, "known");
});

test("a line whose key is of another type than it says, or cut, or with an unknown marker, says nothing", () => {
  const [, base64] = ED25519.line.split(" ");
  for (const line of [
    `host ssh-rsa ${base64}`,
    `host ${ED25519.line.slice(0, 40)}`,
    `@trusted host ${ED25519.line}`,
  ]) {
    assert.equal(judge(`${line}\n`, ED25519.blob).kind, "unknown", line);
  }
});

test("knownHostName() has the port in brackets unless it is 22", () => {
  assert.equal(knownHostName("Host", 22), "host");
  assert.equal(knownHostName("2001:db8::1", 2222), "[2001:db8::1]:2222");
});

test("knownKeyTypes() lists what is known of a host, and not what is revoked or signs", () => {
  const text = `host ${RSA.line}\nhost ${ECDSA.line}\nhost ${RSA.line}\n@revoked host ${ED25519.line}\n@cert-authority host ${ED25519.line}\n`;
  const entries = parseKnownHosts({ file: "f", text });
  assert.deepEqual(knownKeyTypes(entries, "host"), ["ssh-rsa", "ecdsa-sha2-nistp256"]);
});

test("appendKnownHost() makes folder and file for the user alone, and ends a last line that has no end", () => {
  const file = join(directory, "new/known_hosts");
  appendKnownHost(file, "one\n");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(join(directory, "new")).mode & 0o777, 0o700);
  writeFileSync(file, "no end");
  appendKnownHost(file, "two\n");
  assert.equal(readFileSync(file, "utf8"), "no end\ntwo\n");
});
