import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSshConfiguration, sshDestinationHint } from "../../../client/ssh-hint.ts";

test("parseSshConfiguration() reads what ssh -G prints", () => {
  const output = `host bastion
user me
hostname 192.0.2.1
port 2222
controlpath /home/me/.ssh/cm-abc
proxyjump none
identityfile ~/.ssh/a key
`;
  assert.deepEqual(parseSshConfiguration(output), {
    hostname: "192.0.2.1",
    port: 2222,
    proxyjump: undefined,
    controlpath: "/home/me/.ssh/cm-abc",
  });
});

test("parseSshConfiguration() gives nothing where no hostname is", () => {
  assert.equal(parseSshConfiguration(""), undefined);
  assert.equal(parseSshConfiguration("usage: ssh\n"), undefined);
});

test("sshDestinationHint() passes the user's own options to ssh", async () => {
  const hint = await sshDestinationHint(
    ["ssh", "-F", "none", "-o", "HostName=192.0.2.7", "-p", "2022", "-J", "me@jump:23"],
    "somewhere",
  );
  assert.deepEqual(hint, {
    hostname: "192.0.2.7",
    port: 2022,
    proxyjump: "me@jump:23",
    controlpath: undefined,
  });
});

test("sshDestinationHint() is undefined for a command that is no ssh", async () => {
  assert.equal(await sshDestinationHint(["/nonexistent/ssh"], "somewhere"), undefined);
  assert.equal(await sshDestinationHint(["false"], "somewhere"), undefined);
});
