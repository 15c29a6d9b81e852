/** The ssh2 transport against the machine's own sshd, joined by ProxyCommand instead of a port. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import type { BootstrapError } from "../../../../bootstrap/errors.ts";
import { explainFailure } from "../../../../bootstrap/failure.ts";
import { ssh2Transport } from "../../../../bootstrap/ssh2.ts";
import type { TransportExit, TransportProcess } from "../../../../bootstrap/transport.ts";

const TYPES = ["ed25519", "ecdsa", "rsa"] as const;
const PASSPHRASE = "open sesame";
let directory = "";
const file = (name: string): string => join(directory, name);

before(() => {
  directory = mkdtempSync(join(tmpdir(), "ssh2-transport-"));
  for (const type of TYPES) {
    makeKey(`host-${type}`, type);
    makeKey(`user-${type}`, type);
  }
  makeKey("wrong-ed25519", "ed25519");
  copyFileSync(file("user-ed25519"), file("locked"));
  execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", PASSPHRASE, "-f", file("locked")]);
  copyFileSync(file("user-ed25519"), file("open"));
  chmodSync(file("open"), 0o644);
  writeFileSync(file("authorized_keys"), TYPES.map((type) => publicKey(`user-${type}`)).join(""), {
    mode: 0o600,
  });
  writeFileSync(file("known_hosts"), `lab ${publicKey("host-ed25519")}`);
  writeFileSync(file("known_ecdsa"), `lab ${publicKey("host-ecdsa")}`);
  writeFileSync(file("known_rsa"), `lab ${publicKey("host-rsa")}`);
  writeFileSync(file("known_wrong"), `# another machine's\nlab ${publicKey("wrong-ed25519")}`);
  writeFileSync(
    file("known_revoked"),
    `lab ${publicKey("host-ed25519")}@revoked * ${publicKey("host-ed25519")}`,
  );
  writeFileSync(file("sshd_config"), sshdConfig());
  writeFileSync(file("sshd_both"), `${sshdConfig()}AuthenticationMethods publickey,publickey\n`);
  writeFileSync(file("config"), sshConfig());
  // As root, sshd wants its directory for privilege separation, which is gone after a start of the machine.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
});

after(() => rmSync(directory, { recursive: true }));

function makeKey(name: string, type: string): void {
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", name, "-f", file(name)]);
}

function publicKey(name: string): string {
  return readFileSync(file(`${name}.pub`), "utf8");
}

function sshdConfig(): string {
  return `${TYPES.map((type) => `HostKey ${file(`host-${type}`)}\n`).join("")}AuthorizedKeysFile ${file("authorized_keys")}
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
Banner ${file("sshd_config")}
LogLevel QUIET
`;
}

function sshConfig(): string {
  return `${TYPES.map((type) => `Host ${type}\n  IdentityFile ${file(`user-${type}`)}\n`).join("")}
Host knows-*
  LogLevel ERROR
Host knows-ecdsa
  UserKnownHostsFile ${file("known_ecdsa")}
Host knows-rsa
  UserKnownHostsFile ${file("known_rsa")}
Host changed
  UserKnownHostsFile ${file("known_wrong")}
Host careless
  UserKnownHostsFile ${file("known_wrong")}
  StrictHostKeyChecking no
Host revoked
  UserKnownHostsFile ${file("known_revoked")}
Host unknown learn
  UserKnownHostsFile ${file("known_none")}
Host strict
  UserKnownHostsFile ${file("known_none")}
  StrictHostKeyChecking yes
Host learn
  StrictHostKeyChecking accept-new
  HashKnownHosts yes
Host wrong-key
  IdentityFile ${file("wrong-ed25519")}
Host locked
  IdentityFile ${file("locked")}
Host open
  IdentityFile ${file("open")}
Host two-keys
  IdentityFile ${file("user-rsa")}
  IdentityFile ${file("user-ed25519")}
Host two-keys one-key
  ProxyCommand /usr/sbin/sshd -i -f ${file("sshd_both")}
Host no-sshd
  ProxyCommand echo not ssh at all >&2; true
Host old
  KexAlgorithms diffie-hellman-group1-sha1
Host absent.invalid closed-port silent
  ProxyCommand none
Host closed-port silent
  HostName 127.0.0.1
Host silent
  ConnectTimeout 1
Host forced
  ProxyCommand /usr/sbin/sshd -i -f ${file("sshd_config")} -o "ForceCommand echo only git here"
Host *
  LogLevel ERROR
  HostKeyAlias lab
  ProxyCommand /usr/sbin/sshd -i -f ${file("sshd_config")}
  UserKnownHostsFile ${file("known_hosts")}
  GlobalKnownHostsFile none
  IdentityAgent none
  BatchMode yes
Host * !wrong-key !two-keys !locked !open
  IdentityFile ${file("user-ed25519")}
`;
}

function start(host: string, command: string, port?: number): TransportProcess {
  const options = { destination: host, configFile: file("config") };
  return ssh2Transport(port === undefined ? options : { ...options, port }).spawn(command);
}

interface Outcome extends TransportExit {
  readonly stdout: string;
  readonly stderr: string;
}

async function run(host: string, command: string, input = ""): Promise<Outcome> {
  const child = start(host, command);
  child.stdin.end(input);
  const [exit, stdout, stderr] = await Promise.all([child.exit, text(child.stdout), text(child.stderr)]);
  return { ...exit, stdout, stderr };
}

async function failureOf(host: string, port?: number): Promise<BootstrapError> {
  const child = start(host, "exit 3", port);
  const [outcome, stdout, stderr] = await Promise.all([
    child.exit.then(
      (exit) => exit,
      (startError: Error) => ({ code: null, signal: null, startError }),
    ),
    buffer(child.stdout),
    text(child.stderr),
  ]);
  return explainFailure({
    ...outcome,
    stderr,
    noise: stdout,
    description: `ssh ${host}`,
    mark: "none",
    timedOut: false,
  });
}

test("a command runs with three streams and its exit status", async () => {
  const outcome = await run("ed25519", "cat; echo aside >&2; exit 7", "through");
  assert.deepEqual(outcome, { code: 7, signal: null, stdout: "through", stderr: "aside\n" });
});

for (const type of TYPES) {
  test(`a key of type ${type} logs in, and a host that is known by such a key is recognised`, async () => {
    assert.equal((await run(type, "echo in")).stdout, "in\n");
    if (type !== "ed25519") assert.equal((await run(`knows-${type}`, "echo known")).stdout, "known\n");
  });
}

test("TransportProcess.exit has the signal that ended the command there", async () => {
  assert.deepEqual(await run("ed25519", "kill -KILL $$"), {
    code: null,
    signal: "SIGKILL",
    stdout: "",
    stderr: "",
  });
});

test("8 MiB go there and come back bit for bit, while the reader stops now and then", async () => {
  const sent = randomBytes(8 << 20);
  const child = start("ed25519", "cat");
  child.stdin.end(sent);
  child.stderr.resume();
  const hash = createHash("sha256");
  let received = 0;
  for await (const chunk of child.stdout) {
    const bytes = chunk as Buffer;
    hash.update(bytes);
    if (received >> 20 !== (received += bytes.length) >> 20) await run("ed25519", ":");
  }
  assert.equal(received, sent.length);
  assert.equal(hash.digest("hex"), createHash("sha256").update(sent).digest("hex"));
  assert.deepEqual(await child.exit, { code: 0, signal: null });
});

test("what nobody reads there stops the writer, and what nobody reads here stops the command", async () => {
  const child = start("ed25519", "head -c 1 >/dev/null; yes | head -c 100000000; echo sent >&2");
  let written = 0;
  while (child.stdin.write(Buffer.alloc(1 << 20))) written++;
  assert.ok(written < 8, "the writer is told to wait");
  await new Promise((resolve) => child.stdout.once("readable", resolve));
  const noticed = { sent: false };
  child.stderr.once("data", () => (noticed.sent = true));
  // As long as it takes another connection to be made and used.
  await run("ed25519", "head -c 1000000 /dev/zero >/dev/null");
  assert.equal(noticed.sent, false);
  child.kill("SIGKILL");
  child.stdout.resume();
  await child.exit;
});

test("TransportProcess.exit waits for output that nobody has read yet", async () => {
  const child = start("ed25519", "head -c 150000 /dev/zero; exit 4");
  child.stderr.resume();
  let ended = false;
  void child.exit.then(() => (ended = true));
  await new Promise((resolve) => child.stdout.once("readable", resolve));
  assert.equal(ended, false);
  assert.equal((await text(child.stdout)).length, 150_000);
  assert.equal((await child.exit).code, 4);
});

test("kill() ends a command that runs, and a connection that is still being made", async () => {
  const running = start("ed25519", "echo up; exec sleep 60");
  running.stdout.once("data", () => running.kill("SIGTERM"));
  running.stderr.resume();
  assert.deepEqual(await running.exit, { code: null, signal: "SIGTERM" });
  const starting = start("ed25519", "echo up");
  starting.kill("SIGINT");
  assert.deepEqual(await Promise.all([text(starting.stdout), text(starting.stderr)]), ["", ""]);
  assert.deepEqual(await starting.exit, { code: null, signal: "SIGINT" });
});

test("an sshd that dies takes the command with it: status 255, and a line that says so", async () => {
  const child = start("ed25519", "echo up; exec sleep 60");
  child.stdout.once("data", () => process.kill(child.pid ?? -1, "SIGKILL"));
  const [exit, said] = await Promise.all([child.exit, text(child.stderr)]);
  assert.deepEqual(exit, { code: 255, signal: null });
  assert.match(said, /^Connection to ed25519 closed/);
});

test("the server's banner is shown unless LogLevel says otherwise", async () => {
  writeFileSync(
    file("loud"),
    readFileSync(file("config"), "utf8").replaceAll("LogLevel ERROR", "LogLevel INFO"),
  );
  const child = ssh2Transport({ destination: "ed25519", configFile: file("loud") }).spawn(":");
  child.stdout.resume();
  assert.match(await text(child.stderr), /^HostKey .*\n/);
  assert.equal((await run("ed25519", ":")).stderr, "");
});

test("a second key is found where the server wants two", async () => {
  assert.equal((await run("two-keys", "echo in")).stdout, "in\n");
  const error = await failureOf("one-key");
  assert.match(
    error.message,
    /permission denied \(publickey\); tried key .*, accepted as one part of several$/,
  );
});

test("accept-new writes an unknown key down, hashed if so asked, and then it is known", async () => {
  rmSync(file("known_none"), { force: true });
  const { stdout, stderr } = await run("learn", "echo in");
  assert.equal(stdout, "in\n");
  assert.match(stderr, /^added the ED25519 key of lab to /);
  assert.match(readFileSync(file("known_none"), "utf8"), /^\|1\|\S+ ssh-ed25519 \S+\n$/);
  assert.equal((await run("learn", "echo in")).stderr, "");
  rmSync(file("known_none"));
});

test("with StrictHostKeyChecking no a changed key is a warning, and nothing is written down", async () => {
  const wrong = readFileSync(file("known_wrong"), "utf8");
  const { stdout, stderr } = await run("careless", "echo in");
  assert.equal(stdout, "in\n");
  assert.match(
    stderr,
    /^WARNING: .* ITS HOST KEY HAS CHANGED: .* Going on \(StrictHostKeyChecking no\), without passwords\.\n$/,
  );
  assert.equal(readFileSync(file("known_wrong"), "utf8"), wrong);
});

for (const [host, code, words] of [
  [
    "changed",
    "ssh-host-key",
    /ITS HOST KEY HAS CHANGED: it shows ED25519 key SHA256:\S+, but \S+known_wrong:2 has ED25519 key SHA256:/,
  ],
  ["revoked", "ssh-host-key", /its ED25519 key SHA256:\S+ is revoked by \S+known_revoked:2$/],
  ["unknown", "ssh-host-key", /not in known_hosts, and nobody can be asked \(BatchMode\)$/],
  ["strict", "ssh-host-key", /its ED25519 key SHA256:\S+ is not in known_hosts$/],
  [
    "wrong-key",
    "ssh-authentication",
    /Cannot log in by ssh \S+@wrong-key: permission denied \(publickey\); tried key \S+wrong-ed25519 \(ED25519 SHA256:\S+\)$/,
  ],
  ["locked", "ssh-authentication", /passphrase of \S+locked is not to be had: nobody to ask/],
  ["open", "ssh-authentication", /key \S+open may be read by others \(mode 644\), and is left out/],
  ["absent.invalid", "ssh-unresolved", /Cannot find ssh \S+@absent\.invalid: .*ENOTFOUND/],
  ["no-sshd", "ssh-failed", /Cannot talk to ssh \S+@no-sshd: .*, its words: not ssh at all$/],
  ["old", "ssh-failed", /Cannot agree on algorithms with ssh \S+@old: no common key exchange algorithm$/],
  ["forced", "shell-refused", /having printed "only git here"/],
] as const) {
  test(`a failure is explained as OpenSSH's would be: ${host}, ${code}`, async () => {
    const error = await failureOf(host);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
  });
}

test("a closed port is ssh-unreachable; one that never answers is so after ConnectTimeout", async () => {
  const server = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const silent = await failureOf("silent", port);
  assert.equal(silent.code, "ssh-unreachable", silent.message);
  assert.match(silent.message, /no answer within 1 s$/);
  await new Promise((resolve) => server.close(resolve));
  const closed = await failureOf("closed-port", port);
  assert.equal(closed.code, "ssh-unreachable", closed.message);
  assert.match(closed.message, /ECONNREFUSED/);
});

test("a configuration that cannot be read is told with file and reason", async () => {
  for (const [content, words] of [
    ["Port\nHost x\n", /broken line 1: Port has no value$/],
    ["Port 0\n", /port is "0", allowed are 1 to 65535$/],
    ["HostName %q\n", /"%q": %q is not known here$/],
    [`Include ${file("broken")}\n`, /include each other$/],
  ] as const) {
    writeFileSync(file("broken"), content);
    const child = ssh2Transport({ destination: "x", configFile: file("broken") }).spawn(":");
    await assert.rejects(
      child.exit,
      (error: BootstrapError) => error.code === "ssh-failed" && words.test(error.message),
    );
  }
  const absent = ssh2Transport({ destination: "x", configFile: file("absent") }).spawn(":");
  await assert.rejects(absent.exit, { code: "ssh-failed" });
});

test("a host that is its own jump host is an end, not a circle", async () => {
  writeFileSync(file("circle"), "Host *\n  ProxyJump other\n");
  const child = ssh2Transport({ destination: "x", configFile: file("circle") }).spawn(":");
  await assert.rejects(child.exit, /more than 16 jump hosts/);
});

test("ssh2Transport() refuses a destination without a host, and one that ssh would read as an option", () => {
  for (const destination of ["", "user@", "@host", "-oProxyCommand=id"]) {
    assert.throws(() => ssh2Transport({ destination }), { code: "ssh-destination", exitCode: 64 });
  }
});
