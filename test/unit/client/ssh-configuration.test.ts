import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  askBuiltInConfiguration,
  askSshConfiguration,
  parseSshConfiguration,
} from "../../../client/ssh-configuration.ts";
import type { Remote } from "../../../client/remote.ts";
import type { SshConfiguration } from "../../../client/ssh-configuration.ts";
import { splitCommand } from "../../../client/shell-words.ts";
import { eventually } from "../../lab/lab-process.ts";

const LIMIT_MS = 20_000;
const SOMEWHERE = { destination: "somewhere" };

const folder = mkdtempSync(join(tmpdir(), "ssh-configuration-"));
after(() => rmSync(folder, { recursive: true }));

async function ask(
  command: string,
  remote: Remote = SOMEWHERE,
  limitMs = LIMIT_MS,
): Promise<SshConfiguration | undefined> {
  return askSshConfiguration({ sshCommand: splitCommand(command), remote, runsCommand: true }, limitMs);
}

function written(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

test("parseSshConfiguration() reads what ssh -G prints", () => {
  const output = `host bastion
user me
hostname 192.0.2.1
port 2222
controlpath /home/me/.ssh/cm-abc
proxyjump none
identityfile ~/.ssh/a key
ciphers aes256-ctr,aes128-ctr
`;
  assert.deepEqual(parseSshConfiguration(output), {
    hostname: "192.0.2.1",
    port: 2222,
    proxyjump: undefined,
    controlpath: "/home/me/.ssh/cm-abc",
    ciphers: ["aes256-ctr", "aes128-ctr"],
  });
});

test("parseSshConfiguration() gives nothing where no hostname is", () => {
  assert.equal(parseSshConfiguration(""), undefined);
  assert.equal(parseSshConfiguration("usage: ssh\n"), undefined);
});

test("askSshConfiguration() passes the user's own options to ssh, and the port of the remote", async () => {
  const said = await ask("ssh -F none -o HostName=192.0.2.7 -p 2022 -J me@jump:23 -c aes256-ctr,aes128-ctr");
  assert.deepEqual(said, {
    hostname: "192.0.2.7",
    port: 2022,
    proxyjump: "me@jump:23",
    controlpath: undefined,
    ciphers: ["aes256-ctr", "aes128-ctr"],
  });
  assert.equal((await ask("ssh -F none", { destination: "somewhere", port: 2023 }))?.port, 2023);
});

test("a RemoteCommand of the configuration is no obstacle, with and without a command of ours", async () => {
  const file = written("remote-command", "RemoteCommand menu\nHostName 192.0.2.8\n");
  for (const runsCommand of [true, false]) {
    const question = { sshCommand: ["ssh", "-F", file], remote: SOMEWHERE, runsCommand };
    assert.equal((await askSshConfiguration(question, LIMIT_MS))?.hostname, "192.0.2.8", String(runsCommand));
  }
});

test("askBuiltInConfiguration() knows nothing of files", async () => {
  const builtIn = await askBuiltInConfiguration("ssh", LIMIT_MS);
  assert.equal(builtIn?.hostname, "localhost");
  assert.deepEqual(builtIn.ciphers, (await ask("ssh -F none"))?.ciphers);
  assert.ok(builtIn.ciphers.length > 1);
});

test("a command that is no ssh, or that fails, has no configuration", async () => {
  for (const command of ["/nonexistent/ssh", "false", "ssh -F /nonexistent/config"]) {
    assert.equal(await ask(command), undefined, command);
  }
});

test("what takes too long is ended, with the Match exec that takes so long", async () => {
  const pidFile = join(folder, "pid");
  const file = written("slow", `Match exec "echo $$ > ${pidFile}; exec sleep 600"\n  HostName 192.0.2.9\n`);
  assert.equal(await ask(`ssh -F ${file}`, SOMEWHERE, 1000), undefined);
  const pid = readFileSync(pidFile, "utf8").trim();
  await eventually("it has ended", () => (commandOf(pid).includes("sleep") ? undefined : true));
});

test("whoever asks and ends meanwhile leaves nothing running", async () => {
  const pidFile = join(folder, "pid-left");
  const file = written("hangs", `Match exec "echo $$ > ${pidFile}; exec sleep 600"\n`);
  const question = { sshCommand: ["ssh", "-F", file], remote: SOMEWHERE, runsCommand: true };
  const program = `
    import { existsSync, statSync } from "node:fs";
    import { askSshConfiguration } from "${new URL("../../../client/ssh-configuration.js", import.meta.url).href}";
    void askSshConfiguration(${JSON.stringify(question)}, 600_000);
    setInterval(() => existsSync("${pidFile}") && statSync("${pidFile}").size > 0 && process.exit(), 20);`;
  execFileSync(process.execPath, ["--input-type=module", "--eval", program]);
  const pid = readFileSync(pidFile, "utf8").trim();
  await eventually("it has ended", () => (commandOf(pid).includes("sleep") ? undefined : true));
});

test("who floods is not listened to until the time is up", async () => {
  const before = performance.now();
  assert.equal(await ask(written("floods", "#!/bin/sh\nexec yes hostname x\n")), undefined);
  assert.ok(performance.now() - before < LIMIT_MS / 2);
});

test("what is asked leads a session of its own, which has no terminal, and its stdin is empty", async () => {
  const script = `#!/bin/sh
read -r line && exit 1
read -r pid name state parent group session rest < /proc/$$/stat
[ "$session" = $$ ] && echo hostname alone
`;
  assert.equal((await ask(written("asks", script)))?.hostname, "alone");
});

/** Empty of a process that has ended. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
