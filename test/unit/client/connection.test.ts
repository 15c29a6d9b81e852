import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { parseConnection, transportFor } from "../../../client/connection.ts";
import { parseTunnelOptions } from "../../../client/options.ts";

test("parseConnection() takes openssh unless it is told otherwise, and refuses what it does not know", () => {
  assert.equal(parseConnection({}).transport, "openssh");
  assert.equal(parseConnection({ transport: "ssh2" }).transport, "ssh2");
  assert.throws(() => parseConnection({ transport: "telnet" }), {
    code: "usage",
    message: 'Cannot use transport "telnet": there is no such transport, allowed are openssh, ssh2',
  });
});

test("--ssh-config is ssh's -F, behind whatever --ssh-cmd says", () => {
  const { sshCommand, sshConfig } = parseConnection({ "ssh-cmd": "ssh -4", "ssh-config": "a file" });
  assert.deepEqual(sshCommand, ["ssh", "-4", "-F", "a file"]);
  assert.equal(sshConfig, "a file");
  assert.throws(() => parseConnection({ "ssh-config": "" }), { code: "usage" });
});

test("--jump-host is ssh's -J", () => {
  assert.deepEqual(parseConnection({ "jump-host": "a,user@b:2222" }).sshCommand, [
    "ssh",
    "-J",
    "a,user@b:2222",
  ]);
  for (const jump of ["", "-oProxyCommand=x"]) {
    assert.throws(() => parseConnection({ "jump-host": jump }), { code: "usage" });
  }
  assert.throws(() => parseConnection({ "jump-host": "a", transport: "ssh2" }), {
    code: "usage",
    hint: /ProxyJump/,
  });
});

test("--no-cipher-preference is for every way of connecting", () => {
  assert.equal(parseConnection({}).noCipherPreference, undefined);
  for (const transport of ["openssh", "ssh2"]) {
    assert.equal(parseConnection({ transport, "no-cipher-preference": true }).noCipherPreference, true);
  }
});

test("ssh2 and a command that runs ssh are a contradiction; so are ssh2 and --no-agent", () => {
  assert.throws(() => parseConnection({ transport: "ssh2", "ssh-cmd": "ssh -i key" }), {
    code: "usage",
    hint: /--ssh-config/,
  });
  assert.throws(() => parseTunnelOptions(["--transport", "ssh2", "--no-agent", "-r", "host", "0/0"]), {
    code: "usage",
  });
});

test("transportFor() has the transport that was asked for, by the name of its destination", async () => {
  const remote = { destination: "user@host", port: 2222 };
  for (const transport of ["openssh", "ssh2"] as const) {
    assert.equal(
      (await transportFor({ remote, transport, sshCommand: ["ssh"] })).description,
      "ssh user@host",
    );
  }
  assert.equal((await transportFor({ transport: "ssh2", sshCommand: ["ssh"] })).description, "this machine");
});

test("the ssh2 package is loaded only when it is asked for", () => {
  const module = new URL("../../../client/connection.js", import.meta.url).href;
  const program = (transport: string): string => `
    import { createRequire } from "node:module";
    import { transportFor } from "${module}";
    await transportFor({ remote: { destination: "host" }, transport: "${transport}", sshCommand: ["ssh"] });
    console.log(Object.keys(createRequire("${module}").cache).some((file) => file.includes("/ssh2/")));`;
  for (const [transport, loaded] of [
    ["openssh", "false\n"],
    ["ssh2", "true\n"],
  ] as const) {
    const args = ["--input-type=module", "--eval", program(transport)];
    assert.equal(execFileSync(process.execPath, args, { encoding: "utf8" }), loaded);
  }
});
