/** Real processes: the machine's sh, and its OpenSSH on both ends, joined by ProxyCommand instead of a port. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
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
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { spawnChild } from "../../../bootstrap/child-transport.ts";
import { BootstrapError } from "../../../bootstrap/errors.ts";
import { explainFailure } from "../../../bootstrap/failure.ts";
import { localTransport } from "../../../bootstrap/local.ts";
import { opensshTransport } from "../../../bootstrap/openssh.ts";
import type { Transport, TransportExit } from "../../../bootstrap/transport.ts";

let directory = "";

before(() => {
  directory = mkdtempSync(join(tmpdir(), "transports-"));
  const file = (name: string): string => join(directory, name);
  for (const name of ["host-key", "user-key", "wrong-key"]) {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file(name)]);
  }
  copyFileSync(file("user-key.pub"), file("authorized_keys"));
  chmodSync(file("authorized_keys"), 0o600);
  writeFileSync(file("known_hosts"), `lab ${readFileSync(file("host-key.pub"), "utf8")}`);
  writeFileSync(file("known_wrong"), `lab ${readFileSync(file("wrong-key.pub"), "utf8")}`);
  writeFileSync(file("known_none"), "");
  const sshd = `HostKey ${file("host-key")}
AuthorizedKeysFile ${file("authorized_keys")}
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel QUIET
`;
  writeFileSync(file("sshd_config"), sshd);
  writeFileSync(file("sshd_forced"), `${sshd}ForceCommand echo only git here\n`);
  writeFileSync(file("ssh_config"), sshConfig());
  // As root, sshd wants its directory for privilege separation, which is gone after a start of the machine.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
});

after(() => rmSync(directory, { recursive: true }));

function sshConfig(): string {
  return `Host contrary
  RequestTTY force
  RemoteCommand echo not this
  LocalForward ${directory}/forward 127.0.0.1:1
  ExitOnForwardFailure yes
Host master
  ControlMaster auto
  ControlPath ${directory}/control
  ControlPersist 60
Host wrong-key
  IdentityFile ${directory}/wrong-key
Host changed
  UserKnownHostsFile ${directory}/known_wrong
Host unknown
  UserKnownHostsFile ${directory}/known_none
Host forced
  ProxyCommand /usr/sbin/sshd -i -f ${directory}/sshd_forced
Host no-sshd
  ProxyCommand true
Host closed-port absent.invalid
  ProxyCommand none
Host closed-port
  HostName 127.0.0.1
Host *
  HostKeyAlias lab
  ProxyCommand /usr/sbin/sshd -i -f ${directory}/sshd_config
  UserKnownHostsFile ${directory}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  IdentitiesOnly yes
  IdentityAgent none
  BatchMode yes
Host * !wrong-key
  IdentityFile ${directory}/user-key
`;
}

const ssh = (...more: string[]): string[] => ["ssh", "-F", join(directory, "ssh_config"), ...more];

interface Outcome extends TransportExit {
  readonly stdout: string;
  readonly stderr: string;
}

async function run(transport: Transport, command: string, input: string | Uint8Array = ""): Promise<Outcome> {
  const child = transport.spawn(command);
  child.stdin.end(input);
  const [exit, stdout, stderr] = await Promise.all([child.exit, text(child.stdout), text(child.stderr)]);
  return { ...exit, stdout, stderr };
}

async function failureOf(destination: string, port?: number): Promise<BootstrapError> {
  const options = { destination, sshCommand: ssh() };
  const transport = opensshTransport(port === undefined ? options : { ...options, port });
  const outcome = await run(transport, "exit 3");
  const noise = new TextEncoder().encode(outcome.stdout);
  return explainFailure({
    ...outcome,
    noise,
    description: transport.description,
    mark: "none",
    timedOut: false,
  });
}

test("localTransport() runs a command with three streams and its exit status", async () => {
  const outcome = await run(localTransport(), "cat; echo aside >&2; exit 7", "through");
  assert.deepEqual(outcome, { code: 7, signal: null, stdout: "through", stderr: "aside\n" });
});

test("TransportProcess.exit has the signal sent by kill()", async () => {
  const child = localTransport().spawn("echo up; exec sleep 60");
  child.stdout.once("data", () => child.kill("SIGTERM"));
  child.stderr.resume();
  assert.deepEqual(await child.exit, { code: null, signal: "SIGTERM" });
});

test("kill() of a local process reaches what it started", async () => {
  const child = localTransport().spawn("sleep 60; echo not reached");
  child.stderr.resume();
  // Without output there is nothing to tell that sleep is there; a signal to sh alone would leave it in either case.
  child.kill("SIGTERM");
  assert.equal(await text(child.stdout), "");
  assert.deepEqual(await child.exit, { code: null, signal: "SIGTERM" });
});

test("output of a process that has ended is there for a reader who comes later", async () => {
  const child = localTransport().spawn("echo out; echo aside >&2");
  // As long as it takes another one to start and end, which was started after it.
  await run(localTransport(), "sleep 0.1");
  const received: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => received.push(bytes));
  assert.equal(await text(child.stderr), "aside\n");
  await child.exit;
  assert.equal(Buffer.concat(received).toString(), "out\n");
});

test("TransportProcess.exit waits for output that nobody has read yet", async () => {
  const child = localTransport().spawn("head -c 150000 /dev/zero; exit 4");
  child.stderr.resume();
  let ended = false;
  void child.exit.then(() => (ended = true));
  await new Promise((resolve) => child.stdout.once("readable", resolve));
  assert.equal(ended, false);
  assert.equal((await text(child.stdout)).length, 150_000);
  assert.equal((await child.exit).code, 4);
});

test("a process left in the background that keeps stderr holds up nobody, nor costs a slow reader a byte", async () => {
  const graceMs = 100;
  const script = "{ head -c 1000000 /dev/zero >&2; exec sleep 60; } >/dev/null & echo $!";
  const child = spawnChild("sh", ["-c", script], { stderrGraceMs: graceMs });
  const sleeper = Number(await text(child.stdout));
  let received = 0;
  for await (const bytes of child.stderr) {
    // What a reader may do with its first chunk; it takes longer than the grace.
    if (received === 0) await run(opensshTransport({ destination: "plain", sshCommand: ssh() }), ":");
    received += (bytes as Uint8Array).length;
  }
  assert.equal(received, 1_000_000);
  assert.equal((await child.exit).code, 0);
  process.kill(sleeper);
});

test("a process that reads nothing and ends is told by exit, not by an error of stdin", async () => {
  const outcome = await run(localTransport(), "exec <&-; exit 5", new Uint8Array(4 << 20));
  assert.equal(outcome.code, 5);
});

test("TransportProcess.exit rejects if the program does not exist", async () => {
  const missing = join(directory, "no-ssh");
  const child = opensshTransport({ destination: "host", sshCommand: [missing] }).spawn("true");
  await assert.rejects(child.exit, { code: "ENOENT", path: missing });
  assert.equal(child.pid, undefined);
});

test("TransportProcess.exit rejects if the system takes no command of that length", async () => {
  const child = localTransport().spawn(" ".repeat(64 << 20));
  child.stdin.end("discarded");
  assert.deepEqual(await Promise.all([text(child.stdout), text(child.stderr)]), ["", ""]);
  await assert.rejects(child.exit, { code: "E2BIG" });
});

test("opensshTransport() runs a command over ssh with three streams and its exit status", async () => {
  const transport = opensshTransport({ destination: "plain", sshCommand: ssh() });
  assert.equal(transport.description, "ssh plain");
  const outcome = await run(transport, "cat; echo aside >&2; exit 7", "through");
  assert.deepEqual(outcome, { code: 7, signal: null, stdout: "through", stderr: "aside\n" });
});

test("opensshTransport() wins over a terminal, a command and forwardings of the configuration", async () => {
  const transport = opensshTransport({ destination: "contrary", sshCommand: ssh("-tt") });
  const command = `test -t 0 && echo tty; test -e ${directory}/forward && echo forwarded; cat`;
  const outcome = await run(transport, command, "a\nb\r\n\u0003\u0004");
  assert.deepEqual(outcome, { code: 0, signal: null, stdout: "a\nb\r\n\u0003\u0004", stderr: "" });
});

test("TransportProcess.exit does not wait for the master that ssh leaves behind", async () => {
  // With -v the master keeps stderr open for as long as it lives.
  const outcome = await run(opensshTransport({ destination: "master", sshCommand: ssh("-v") }), "echo done");
  execFileSync("ssh", ssh("-O", "exit", "master").slice(1), { stdio: "ignore" });
  assert.equal(outcome.stdout, "done\n");
  assert.equal(outcome.code, 0);
});

test("opensshTransport() passes the port on, and nothing of the configuration's", async () => {
  const printed = await run(
    opensshTransport({ destination: "plain", port: 2022, sshCommand: ["echo"] }),
    "CMD",
  );
  assert.match(printed.stdout, / -T -p 2022 -- plain CMD\n$/);
  assert.doesNotMatch(printed.stdout, /ServerAlive/);
});

test("opensshTransport() refuses a destination that ssh would read as an option, and an empty one", () => {
  for (const destination of ["-oProxyCommand=id", ""]) {
    assert.throws(() => opensshTransport({ destination }), { code: "ssh-destination", exitCode: 64 });
  }
});

for (const [destination, code] of [
  ["wrong-key", "ssh-authentication"],
  ["changed", "ssh-host-key"],
  ["unknown", "ssh-host-key"],
  ["absent.invalid", "ssh-unresolved"],
  ["no-sshd", "ssh-failed"],
  ["forced", "shell-refused"],
] as const) {
  test(`a failure of the machine's own ssh is explained: ${destination}, ${code}`, async () => {
    const error = await failureOf(destination);
    assert.equal(error.code, code, error.message);
  });
}

test("a failure of the machine's own ssh is explained: a closed port, ssh-unreachable", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const error = await failureOf("closed-port", port);
  assert.equal(error.code, "ssh-unreachable", error.message);
  assert.match(error.message, /port \d+: Connection refused$/);
});

test("an answer of a forced command is quoted", async () => {
  assert.match((await failureOf("forced")).message, /having printed "only git here"/);
});
