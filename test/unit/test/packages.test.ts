import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findCommand, installCommand, missingPackages } from "../../packages.ts";

const directory = mkdtempSync(join(tmpdir(), "sshuttle-packages-"));
after(() => rmSync(directory, { recursive: true }));

test("findCommand() finds executable files only", () => {
  writeFileSync(join(directory, "tool"), "");
  writeFileSync(join(directory, "note"), "");
  chmodSync(join(directory, "tool"), 0o755);
  chmodSync(join(directory, "note"), 0o644);
  assert.equal(findCommand("tool", ["/nonexistent", directory]), join(directory, "tool"));
  assert.equal(findCommand("note", [directory]), undefined);
});

test("missingPackages() names a package when any of its commands is missing", () => {
  writeFileSync(join(directory, "ssh"), "");
  chmodSync(join(directory, "ssh"), 0o755);
  assert.ok(missingPackages("e2e", [directory]).includes("openssh-client"));
  writeFileSync(join(directory, "ssh-keygen"), "");
  chmodSync(join(directory, "ssh-keygen"), 0o755);
  assert.ok(!missingPackages("e2e", [directory]).includes("openssh-client"));
});

test("missingPackages() asks for the peers of the comparison only for the bench", () => {
  assert.ok(!missingPackages("e2e", []).includes("sshuttle"));
  assert.ok(missingPackages("bench", []).includes("sshuttle"));
});

test("installCommand() is what a reader can paste", () => {
  assert.equal(installCommand(["curl", "sudo"]), "apt-get install --no-install-recommends curl sudo");
});
