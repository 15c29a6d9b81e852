import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import type { HostSettings, LocalFacts } from "../../../../bootstrap/ssh2/host-settings.ts";
import { SshConfiguration } from "../../../../bootstrap/ssh2/read-config.ts";

const home = mkdtempSync(join(tmpdir(), "read-config-"));
after(() => rmSync(home, { recursive: true }));
const FACTS: LocalFacts = {
  home,
  user: "ann",
  uid: 1000,
  hostname: "desk.example",
  environment: { SSH_AUTH_SOCK: "/agent", OTHER: "/other", EMPTY: "" },
};

beforeEach(() => {
  rmSync(join(home, ".ssh"), { recursive: true, force: true });
  mkdirSync(join(home, ".ssh/conf.d"), { recursive: true });
});

function write(name: string, text: string, mode = 0o600): void {
  writeFileSync(join(home, ".ssh", name), text);
  chmodSync(join(home, ".ssh", name), mode);
}

/** Of a file that takes the place of all others. */
function settingsOf(text: string, host = "host", facts: LocalFacts = FACTS): HostSettings {
  write("named", text);
  return new SshConfiguration(join(home, ".ssh/named"), facts).settingsFor({ host });
}

test("without a file the defaults are OpenSSH's", () => {
  const settings = new SshConfiguration("none", FACTS).settingsFor({ host: "Host.Example" });
  assert.deepEqual(
    [settings.hostname, settings.port, settings.user, settings.route, settings.hostKeyPolicy],
    ["host.example", 22, "ann", { kind: "direct" }, "ask"],
  );
  assert.deepEqual(
    settings.identityFiles,
    ["id_rsa", "id_ecdsa", "id_ed25519"].map((name) => `${home}/.ssh/${name}`),
  );
  assert.deepEqual(settings.userKnownHostsFiles, [`${home}/.ssh/known_hosts`, `${home}/.ssh/known_hosts2`]);
  assert.deepEqual(settings.methods, ["publickey", "keyboard-interactive", "password"]);
  assert.equal(settings.identityAgent, "/agent");
  assert.equal(settings.identitiesNamed, false);
});

test("the user's file is read if nobody else may write to it, and refused otherwise", () => {
  write("config", "Host *\n  Port 2222\n");
  assert.equal(new SshConfiguration(undefined, FACTS).settingsFor({ host: "x" }).port, 2222);
  write("config", "Port 2222\n", 0o620);
  assert.throws(() => new SshConfiguration(undefined, FACTS), {
    code: "ssh-failed",
    message: /others may write to it/,
  });
});

test("Include is relative to ~/.ssh, takes wildcards in order, and holds where it stands", () => {
  write("conf.d/1.conf", "Host a\n  User one\nHost *\n  Port 1001\n");
  write("conf.d/2.conf", "User two\nPort 1002\n");
  write("conf.d/.hidden.conf", "Port 1\n");
  write(
    "config",
    "Host b\n  Include conf.d/1.conf\nHost *\n  Include conf.d/*.conf absent\nHost *\n  User last\n",
  );
  const configuration = new SshConfiguration(undefined, FACTS);
  const of = (host: string): unknown[] => {
    const { user, port } = configuration.settingsFor({ host });
    return [user, port];
  };
  assert.deepEqual(of("a"), ["one", 1001]);
  assert.deepEqual(of("b"), ["two", 1001]);
});

test("what is given on the command line wins over the configuration", () => {
  write("named", "User bob\nPort 1\nHostName other\n");
  const configuration = new SshConfiguration(join(home, ".ssh/named"), FACTS);
  const { user, port, hostname } = configuration.settingsFor({ host: "host", user: "root", port: 2222 });
  assert.deepEqual([user, port, hostname], ["root", 2222, "other"]);
});

test("tokens, variables and ~ in paths are spelled out", () => {
  const { identityFiles, userKnownHostsFiles } = settingsOf(
    'HostName %h.example\nUser bob\nIdentityFile "~/a b/%r@%h:%p-%n-%u-%i-%L-%%"\nIdentityFile ${OTHER}/key\nUserKnownHostsFile %d/k_%k none\n',
  );
  assert.deepEqual(identityFiles, [`${home}/a b/bob@host.example:22-host-ann-1000-desk-%`, "/other/key"]);
  assert.deepEqual(userKnownHostsFiles, [`${home}/k_host`]);
});

test("IdentityAgent is a path, a variable, SSH_AUTH_SOCK, or none", () => {
  const agentOf = (word: string): string | undefined => settingsOf(`IdentityAgent ${word}\n`).identityAgent;
  assert.equal(agentOf("~/agent"), `${home}/agent`);
  assert.equal(agentOf("$OTHER"), "/other");
  assert.equal(agentOf("$EMPTY"), undefined);
  assert.equal(agentOf("SSH_AUTH_SOCK"), "/agent");
  assert.equal(agentOf("none"), undefined);
});

test("methods are those of PreferredAuthentications that are not switched off", () => {
  assert.deepEqual(settingsOf("PreferredAuthentications password,gssapi-with-mic,publickey\n").methods, [
    "password",
    "publickey",
  ]);
  assert.deepEqual(settingsOf("PasswordAuthentication no\nChallengeResponseAuthentication no\n").methods, [
    "publickey",
  ]);
  assert.deepEqual(settingsOf("PubkeyAuthentication no\n").methods, ["keyboard-interactive", "password"]);
});

test("ProxyJump is a list of [user@]host[:port], with ssh:// and brackets as well", () => {
  assert.deepEqual(settingsOf("ProxyJump one,bob@two:2222,ssh://ann@[2001:db8::1]:22/\n").route, {
    kind: "jump",
    jumps: [
      { user: undefined, host: "one", port: undefined },
      { user: "bob", host: "two", port: 2222 },
      { user: "ann", host: "2001:db8::1", port: 22 },
    ],
  });
  for (const list of ["one,,two", "-oProxyCommand=id", "host:0", "host:99999", "a b"]) {
    assert.throws(() => settingsOf(`ProxyJump ${list}\n`), { code: "ssh-failed" }, list);
  }
});

test("ProxyCommand has its tokens, and is given no name that a shell would take apart", () => {
  const text = "ProxyCommand nc -x proxy %h %p\n";
  assert.deepEqual(settingsOf(text, "10.0.0.1").route, {
    kind: "command",
    command: "nc -x proxy 10.0.0.1 22",
  });
  for (const host of ["a;id", "$(id)", "-oX", "a b", "`id`", "a|b"]) {
    assert.throws(() => settingsOf(text, host), /ProxyCommand cannot be given the host name/, host);
  }
});

test("what is not supported and may be counted on is left out with a warning", () => {
  const { warnings } = settingsOf("CertificateFile ~/cert\nVerifyHostKeyDNS no\nMatch tagged x\n  Port 1\n");
  assert.deepEqual(warnings, [
    'a section with "Match tagged" is left out: the criterion is not supported',
    "certificatefile is not supported by --transport ssh2, and left out",
  ]);
});

for (const [text, complaint] of [
  ["Port ssh\n", /port is "ssh", allowed are 1 to 65535/],
  ["StrictHostKeyChecking perhaps\n", /stricthostkeychecking is "perhaps", allowed are yes, true, ask/],
  ["BatchMode toString\n", /batchmode is "tostring", allowed are yes, true, no, false/],
  ["ConnectTimeout soon\n", /connecttimeout is "soon", which is no time/],
  ["IdentityFile ${NOT_SET}/key\n", /the environment has no NOT_SET/],
  ["Ciphers rot13\n", /Ciphers is "rot13", of which ssh2 has none/],
  ['IdentityFile "open\n', /named/],
  ["Host\n", /named line 1: Host has no value/],
  ["Match host\n", /lacks a value|Missing value/],
] as const) {
  test(`a value that cannot be is an error that names it: ${text.trim()}`, () => {
    assert.throws(() => settingsOf(text), { code: "ssh-failed", message: complaint });
  });
}
