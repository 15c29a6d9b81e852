/** --transport ssh2 with the lab's real sshds: keys, an agent, questions on a real terminal, known_hosts, jump hosts, capture. */
import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { fingerprint } from "../../bootstrap/ssh2/fingerprint.ts";
import { parseKnownHosts } from "../../bootstrap/ssh2/known-hosts.ts";
import type { StartOptions } from "../lab/host.ts";
import { LAB_USER, PROJECT_IN_LAB } from "../lab/keeper.ts";
import { createLab } from "../lab/lab.ts";
import { eventually } from "../lab/lab-process.ts";
import type { LabProcess } from "../lab/lab-process.ts";
import { addressOf } from "../lab/layout.ts";
import { assertDownload, assertUpload } from "../lab/transfer.ts";
import { endAllBut, wayTo } from "../lab/tunnel.ts";

const MIB = 1024 * 1024;
const PASSWORD = "correct horse";
const PASSPHRASE = "battery staple";
const SERVER = addressOf("server", "client").v4;
const PORT = { password: 2200, keyboard: 2201, both: 2202, rekeying: 2203 } as const;

const lab = await createLab();
after(() => lab.close());
const file = (name: string): string => join(lab.directory, name);
const main = `${PROJECT_IN_LAB}/dist/client/main.js`;

before(async () => {
  await lab.client.shell(`
    for type in ecdsa rsa; do ssh-keygen -q -t $type -N '' -C $type -f ${file("key")}-$type; done
    ssh-keygen -q -t ed25519 -N '${PASSPHRASE}' -C locked -f ${file("locked")}
    ssh-keygen -q -t ed25519 -N '' -C other -f ${file("other-key")}`);
  for (const name of ["key-ecdsa", "key-rsa", "locked"]) {
    appendFileSync(file("authorized_keys"), readFileSync(file(`${name}.pub`)));
    chownSync(file(name), LAB_USER.uid, LAB_USER.uid);
    chmodSync(file(name), 0o600);
  }
  await lab.server.shell(`usermod -p "$(openssl passwd -6 '${PASSWORD}')" ${LAB_USER.name}`);
  await startSshd(PORT.password, "PasswordAuthentication yes");
  await startSshd(PORT.keyboard, "KbdInteractiveAuthentication yes\nUsePAM yes");
  await startSshd(PORT.both, "PasswordAuthentication yes\nAuthenticationMethods publickey,password");
  await startSshd(PORT.rekeying, "RekeyLimit 4M");
  writeFileSync(file("config"), sshConfig());
});

/** Another sshd on the server, with its own way to log in. Of a keyword said twice, sshd takes the first. */
async function startSshd(port: number, lines: string): Promise<void> {
  const usual = readFileSync(file("sshd_config"), "utf8");
  writeFileSync(file(`sshd_${port}`), `Port ${port}\n${lines}\n${usual}`);
  const sshd = lab.server.start(["/usr/sbin/sshd", "-D", "-e", "-f", file(`sshd_${port}`)]);
  await sshd.output(/Server listening on :: /);
}

function sshConfig(): string {
  return `Host password
  Port ${PORT.password}
Host keyboard
  Port ${PORT.keyboard}
Host both
  Port ${PORT.both}
Host careless
  UserKnownHostsFile ${file("known_changed")}
  StrictHostKeyChecking no
  Port ${PORT.password}
Host server6
  HostName ${addressOf("server", "client").v6}
Host silent
  ServerAliveInterval 1
  ServerAliveCountMax 1
Host rekeying
  Port ${PORT.rekeying}
Host password keyboard careless
  User ${LAB_USER.name}
  IdentityFile none
Host both by-agent
  IdentityAgent ${file("agent")}
  IdentityFile none
Host both
  User ${LAB_USER.name}
Host locked
  IdentityFile ${file("locked")}
Host ecdsa rsa
  IdentityFile ${file("key")}-%n
Host new no-answer
  HostKeyAlias ${SERVER}
  UserKnownHostsFile ${file("known_new")}
  StrictHostKeyChecking ask
Host changed
  UserKnownHostsFile ${file("known_changed")}
Host jump
  HostName ${addressOf("jump", "client").v4}
Host twice
  HostName ${addressOf("server", "jump").v4}
  ProxyJump jump,again
Host again
  HostName ${addressOf("jump", "client").v4}
Host stranger
  HostName ${addressOf("jump", "client").v4}
  UserKnownHostsFile ${file("known_changed")}
Host by-stranger
  HostName ${addressOf("server", "jump").v4}
  ProxyJump stranger
Host behind
  HostName ${addressOf("server", "jump").v4}
  ProxyJump jump
Host nowhere
  HostName 203.0.113.77
  ProxyJump jump
  ConnectTimeout 10
Host *
  HostName ${SERVER}
  User root
  HostKeyAlias lab
  IdentityAgent none
  UserKnownHostsFile ${file("known_hosts")}
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
Host * !password !keyboard !careless !both !by-agent !locked !ecdsa !rsa
  IdentityFile ${file("user-key")}
`;
}

const commandLine = (host: string, ...more: string[]): [string, ...string[]] => [
  "node",
  main,
  "--transport",
  "ssh2",
  "--ssh-config",
  file("config"),
  "-r",
  host,
  "-v",
  ...(more.length === 0 ? ["--socks", "1080"] : more),
];

/** For a shell. */
function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

/** Without a terminal, wherever the tests themselves run: `detached` is a session of its own. */
function start(host: string, more: readonly string[] = [], options: StartOptions = {}): LabProcess {
  return lab.client.start(commandLine(host, ...more), { detached: true, ...options });
}

/** On a terminal of its own, which shows afterwards what became of it. */
function startOnTerminal(host: string, options: StartOptions = {}): LabProcess {
  const words = quoted(commandLine(host));
  // The shell waits to see it through when Ctrl-C reaches them both.
  const script = `trap : INT; ${words}; echo status $?; stty -a`;
  return lab.client.start(["script", "--quiet", "--command", script, "/dev/null"], options);
}

async function stop(tunnel: LabProcess): Promise<void> {
  tunnel.kill("SIGTERM");
  await tunnel.end();
  await nothingLeft();
}

/** Answers questions in turn, and gives what the terminal has shown by then. */
async function answer(
  terminal: LabProcess,
  ...exchanges: readonly (readonly [RegExp, string])[]
): Promise<void> {
  for (const [question, text] of exchanges) {
    await terminal.output(question);
    // The next question may be the same text again.
    terminal.stdout = "";
    terminal.stdin.write(text);
  }
}

function assertCooked(said: string): void {
  for (const flag of ["icanon", "echo", "isig", "icrnl", "opost"]) {
    assert.match(said, new RegExp(`(?:^|\\s)${flag}\\s`), `the terminal has ${flag}`);
  }
}

/** The client's end; the terminal must be as it was. */
async function leave(terminal: LabProcess, status: number): Promise<void> {
  await terminal.output(new RegExp(`status ${status}\\r`));
  const { stdout } = await terminal.end();
  assertCooked(stdout);
  await nothingLeft();
}

const lasting = new Set<number>();
before(() => lab.client.processes().forEach(({ pid }) => lasting.add(pid)));

/** One failure is not the next one's. */
afterEach(() => endAllBut(lab.client, lasting));

async function nothingLeft(): Promise<void> {
  await eventually("nothing is left running", () =>
    lab.client.processes().every(({ pid }) => lasting.has(pid)) ? true : undefined,
  );
}

/** The process that serves root's only connection to the server. */
function sshdSession(): number {
  const sessions = lab.server
    .processes()
    .filter(({ command }) => /^sshd: root(?:@notty)?$/.test(command.trim()));
  assert.equal(sessions.length, 1);
  return sessions[0]?.pid ?? -1;
}

async function refusal(host: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const tunnel = start(host);
  const { code } = await tunnel.end();
  await nothingLeft();
  return { code, said: tunnel.said };
}

describe("keys", () => {
  for (const host of ["server", "ecdsa", "rsa"]) {
    test(`a key in a file logs in: ${host}`, async () => {
      const tunnel = start(host);
      await tunnel.output(/^sshuttle: connected to ssh /m);
      await stop(tunnel);
    });
  }

  test("an encrypted key is asked for on the terminal, again after a wrong passphrase, and never shown", async () => {
    const terminal = startOnTerminal("locked");
    await answer(
      terminal,
      [/Enter passphrase for key '.*locked': /, "wrong\r"],
      [/not its passphrase[^]*Enter passphrase/, `${PASSPHRASE}\r`],
    );
    await terminal.output(/connected to ssh locked/);
    assert.doesNotMatch(
      terminal.said.slice(terminal.said.indexOf("\n")),
      new RegExp(`${PASSPHRASE}|wrong\\r`),
    );
    terminal.stdin.write("\u0003");
    await leave(terminal, 130);
  });

  test("three wrong passphrases are an end that names the key", async () => {
    const terminal = startOnTerminal("locked");
    const wrong = [/Enter passphrase for key/, "no\r"] as const;
    await answer(terminal, wrong, wrong, wrong);
    const [text] = await terminal.output(/Cannot log in by ssh root@locked: [^\r]*/);
    assert.match(
      text,
      /permission denied \(publickey\); tried key .*locked \(ED25519 SHA256:\S+\); .*locked stayed locked$/,
    );
    await leave(terminal, 77);
  });

  test("Ctrl-C at a question ends with 130, and the terminal is as it was", async () => {
    const terminal = startOnTerminal("locked");
    await answer(terminal, [/Enter passphrase/, "half\u0003"]);
    await leave(terminal, 130);
  });

  test("Ctrl-C at a question of a program that handles no signal leaves the terminal as it was, too", async () => {
    const options = JSON.stringify({ destination: "locked", configFile: file("config") });
    const program = `import { ssh2Transport } from "${PROJECT_IN_LAB}/dist/bootstrap/ssh2.js"; ssh2Transport(${options}).spawn(":");`;
    const node = quoted(["node", "--input-type=module", "--eval", program]);
    const script = `trap : INT; ${node}; echo status $?; stty -a`;
    const terminal = lab.client.start(["script", "--quiet", "--command", script, "/dev/null"]);
    await answer(terminal, [/Enter passphrase/, "half\u0003"]);
    await leave(terminal, 130);
  });

  test("Ctrl-Z at a question stops it with the terminal as it was; brought back it asks again", async () => {
    const client = quoted(commandLine("locked"));
    const script = `set -m; ${client}; stty -a; echo stopped; fg >/dev/null; echo status $?; stty -a`;
    const bash = `bash -c ${quoted([script])}`;
    const terminal = lab.client.start(["script", "--quiet", "--command", bash, "/dev/null"]);
    await answer(terminal, [/Enter passphrase/, "half\u001a"]);
    await terminal.output(/stopped\r/);
    assertCooked(terminal.stdout);
    await answer(terminal, [/stopped\r[^]*Enter passphrase/, `${PASSPHRASE}\r`]);
    await terminal.output(/connected to ssh locked/);
    assert.doesNotMatch(terminal.stdout, new RegExp(PASSPHRASE));
    terminal.stdin.write("\u0003");
    await leave(terminal, 130);
  });

  test("SIGTERM at a question ends with 143, and the terminal is as it was", async () => {
    const terminal = startOnTerminal("locked");
    await terminal.output(/Enter passphrase/);
    const client = lab.client.processes().find(({ command }) => command.startsWith(`node ${main}`));
    process.kill(client?.pid ?? -1, "SIGTERM");
    await leave(terminal, 143);
  });

  test("SSH_ASKPASS answers where there is no terminal", async () => {
    writeFileSync(file("askpass"), `#!/bin/sh\necho '${PASSPHRASE}'\n`, { mode: 0o755 });
    const tunnel = start("locked", [], { env: { SSH_ASKPASS: file("askpass"), DISPLAY: ":0" } });
    await tunnel.output(/connected to ssh locked/);
    await stop(tunnel);
  });

  test("an agent's key logs in; without the agent's key the error says that there was none", async () => {
    const none = await refusal("by-agent");
    assert.equal(none.code, 77, none.said);
    assert.match(none.said, /permission denied \(publickey\); nothing was tried; no agent at /);
    const agent = lab.client.start(["ssh-agent", "-D", "-a", file("agent")]);
    await eventually("the agent listens", () => (existsSync(file("agent")) ? true : undefined));
    await lab.client.shell(
      `SSH_AUTH_SOCK=${file("agent")} ssh-add -q ${file("key-rsa")} ${file("key-ecdsa")}`,
    );
    lasting.add(agent.pid);
    const tunnel = start("by-agent");
    await tunnel.output(/connected to ssh by-agent/);
    await stop(tunnel);
    // And as the first of two parts, of which ssh2 itself does not tell.
    const terminal = startOnTerminal("both");
    await answer(terminal, [/labuser@both's password: /, `${PASSWORD}\r`]);
    await terminal.output(/connected to ssh both/);
    terminal.stdin.write("\u0003");
    await leave(terminal, 130);
    agent.kill("SIGTERM");
    await agent.end();
  });
});

describe("passwords", () => {
  test("a password is asked for on the terminal, again after a wrong one, and never shown", async () => {
    const terminal = startOnTerminal("password");
    await answer(
      terminal,
      [/labuser@password's password: /, "wrong\r"],
      [/Permission denied, please try again\.\s+labuser@password's password: /, `${PASSWORD}\r`],
    );
    await terminal.output(/connected to ssh password/);
    assert.doesNotMatch(terminal.said, new RegExp(PASSWORD));
    terminal.stdin.write("\u0003");
    await leave(terminal, 130);
  });

  test("keyboard-interactive asks the server's own question, by its account's name", async () => {
    const terminal = startOnTerminal("keyboard");
    await answer(terminal, [/\(labuser@keyboard\) Password: /, `${PASSWORD}\r`]);
    await terminal.output(/connected to ssh keyboard/);
    terminal.stdin.write("\u0003");
    await leave(terminal, 130);
  });

  test("with nobody to ask, the error says so", async () => {
    const { code, said } = await refusal("password");
    assert.equal(code, 77, said);
    assert.match(
      said,
      /permission denied \(publickey,password\); nothing was tried; nobody could be asked: no terminal/,
    );
  });
});

describe("host keys", () => {
  const hostKey = (): Buffer => {
    const [entry] = parseKnownHosts({ file: "", text: readFileSync(file("known_hosts"), "utf8") });
    return entry?.key ?? Buffer.alloc(0);
  };

  test("an unknown host is asked about, with its fingerprint, and written down for the next time", async () => {
    rmSync(file("known_new"), { force: true });
    const terminal = startOnTerminal("new");
    await answer(
      terminal,
      [/ED25519 key (SHA256:\S+)\.\s+Go on connecting \(yes, no, or the fingerprint\)\? /, "maybe\r"],
      [/Please type yes, no, or the fingerprint: /, "SHA256:wrong\r"],
      [/That is not its fingerprint/, `${fingerprint(hostKey())}\r`],
    );
    await terminal.output(/connected to ssh new/);
    assert.match(terminal.said, /added the ED25519 key of 192\.0\.2\.1 to /);
    terminal.stdin.write("\u0003");
    await leave(terminal, 130);
    assert.equal(statSync(file("known_new")).mode & 0o777, 0o600);
    const found = await lab.client.shell(`ssh-keygen -F ${SERVER} -f ${file("known_new")}`);
    assert.match(found, / found: line 1/);
    const again = start("new");
    await again.output(/connected to ssh new/);
    await stop(again);
  });

  test("no is no: exit status 69, and nothing is written", async () => {
    rmSync(file("known_new"), { force: true });
    const terminal = startOnTerminal("new");
    await answer(terminal, [/Go on connecting/, "no\r"]);
    await terminal.output(/Cannot trust ssh root@new: its ED25519 key SHA256:\S+ was not accepted/);
    await leave(terminal, 69);
    assert.ok(!existsSync(file("known_new")));
  });

  test("without a terminal an unknown host is refused", async () => {
    const { code, said } = await refusal("no-answer");
    assert.equal(code, 69, said);
    assert.match(said, /not in known_hosts, and nobody can be asked \(no terminal\)/);
  });

  test("a changed key is refused loudly, with file and line; a jump host's too", async () => {
    writeFileSync(file("known_changed"), `# one\nlab ${readFileSync(file("other-key.pub"), "utf8")}`);
    for (const [host, name] of [
      ["changed", "changed"],
      ["by-stranger", "stranger"],
    ] as const) {
      const { code, said } = await refusal(host);
      assert.equal(code, 69, said);
      assert.match(
        said,
        new RegExp(
          `Cannot trust ssh root@${name}: ITS HOST KEY HAS CHANGED: .*${file("known_changed")}:2 has`,
        ),
      );
    }
  });
});

test("a host whose key has changed is shown no password, even where that is let pass", async () => {
  const terminal = startOnTerminal("careless");
  await terminal.output(/Cannot log in by ssh labuser@careless: permission denied .*no password is shown/);
  assert.match(terminal.said, /ITS HOST KEY HAS CHANGED/);
  assert.doesNotMatch(terminal.said, /'s password: /);
  await leave(terminal, 77);
});

test("a server that falls silent is noticed by ServerAliveInterval", async () => {
  const tunnel = start("silent");
  await tunnel.output(/connected to ssh silent/);
  const session = sshdSession();
  process.kill(session, "SIGSTOP");
  const { code, stderr } = await tunnel.end();
  process.kill(session, "SIGKILL");
  assert.equal(code, 75, stderr);
  assert.match(stderr, /Connection to silent closed: Keepalive timeout/);
});

describe("jump hosts", () => {
  test("a host behind another host behind another is reached, with the first of them never captured", async () => {
    for (const host of ["behind", "twice"]) {
      const tunnel = start(host, ["--method", "nft", "0/0", "::/0"]);
      await tunnel.output(/^sshuttle: capturing /m);
      assert.match(tunnel.said, new RegExp(`never captured.*: ${addressOf("jump", "client").v4}:22\n`));
      assert.equal(await wayTo(lab.client, "10.1.2.3"), "tunnelled");
      await stop(tunnel);
    }
  });

  test("what the jump host cannot reach is ssh-unreachable, by its name", async () => {
    const { code, said } = await refusal("nowhere");
    assert.equal(code, 69, said);
    assert.match(said, /Cannot reach ssh root@nowhere: through jump: /);
  });
});

for (const [host, unprivileged, peer] of [
  ["server", false, `${SERVER}:22`],
  ["server6", true, `\\[${addressOf("server", "client").v6}\\]:22`],
] as const) {
  describe(`capture by nft, ${unprivileged ? "by sudo's helper, over IPv6" : "as root"}`, () => {
    test("64 MiB go down and up bit for bit, the tunnel's own connection is not captured; an sshd that is killed is link-lost and leaves nothing", async () => {
      const rules = await lab.client.rules();
      const tunnel = start(host, ["--method", "nft", "0/0", "::/0"], { unprivileged });
      await tunnel.output(/^sshuttle: capturing /m);
      assert.match(tunnel.said, new RegExp(`never captured, since ssh is connected to it: ${peer}\n`));
      await assertDownload(lab.client, `http://10.1.2.3/stream?bytes=${64 * MIB}`, 64 * MIB);
      await assertUpload(lab.client, "http://10.1.2.3/sink", 64 * MIB);
      await assertDownload(lab.client, `http://[2001:db8:f000::3]/stream?bytes=${MIB}`, MIB);

      process.kill(sshdSession(), "SIGKILL");
      const { code, stderr } = await tunnel.end();
      assert.equal(code, 75, stderr);
      assert.match(
        stderr,
        /Lost the link to ssh server6?: .*exit status 255: .*Connection to server6? closed/,
      );
      await nothingLeft();
      assert.equal(await lab.client.rules(), rules);
    });
  });
}

test("keys that are renewed every 4 MiB cost no byte", async () => {
  const tunnel = start("rekeying", ["--method", "nft", "10.0.0.0/8"]);
  await tunnel.output(/^sshuttle: capturing /m);
  await assertDownload(lab.client, `http://10.1.2.3/stream?bytes=${32 * MIB}`, 32 * MIB);
  await assertUpload(lab.client, "http://10.1.2.3/sink", 32 * MIB);
  await stop(tunnel);
});

test("run passes a program's streams and its exit status", async () => {
  writeFileSync(file("program.ts"), "process.stdin.on('end', () => process.exit(7)).pipe(process.stdout);\n");
  const [node, program] = commandLine("server");
  const options = ["--transport", "ssh2", "--ssh-config", file("config"), "-r", "server"];
  const { code, stdout, stderr } = await lab.client.run(
    [node, program ?? "", "run", ...options, file("program.ts")],
    {
      input: "through",
    },
  );
  assert.deepEqual([code, stdout], [7, "through"], stderr);
  await nothingLeft();
});
