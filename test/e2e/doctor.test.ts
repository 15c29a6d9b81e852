/** The doctor in front of healthy and of broken hosts: each fault is found at its step. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import type { Step, StepName, StepStatus } from "../../client/doctor/step.ts";
import type { RunOptions } from "../lab/host.ts";
import { LAB_USER, PROJECT_IN_LAB } from "../lab/keeper.ts";
import { createLab } from "../lab/lab.ts";
import { eventually } from "../lab/lab-process.ts";
import type { Output } from "../lab/lab-process.ts";
import { addressOf } from "../lab/layout.ts";
import { PORT } from "../lab/services.ts";
import { FAR_NAME } from "../lab/sshd.ts";

const lab = await createLab();
after(() => lab.close());

/** Any address behind the server is the target's. */
const BEHIND = "10.20.30.40";
const SERVER = `${addressOf("server", "client").v4}:22`;

const NODE_AND_MAIN = ["node", `${PROJECT_IN_LAB}/dist/client/main.js`] as const;

async function doctor(args: readonly string[], options?: RunOptions): Promise<Output> {
  return lab.client.run([...NODE_AND_MAIN, "doctor", ...args], options);
}

interface Report {
  readonly code: number | null;
  readonly steps: readonly Step[];
  readonly warnings: number;
  readonly problems: number;
}

async function diagnose(args: readonly string[], options?: RunOptions): Promise<Report> {
  const { code, stdout, stderr } = await doctor(["--json", ...args], options);
  assert.notEqual(stdout, "", stderr);
  return { code, ...(JSON.parse(stdout) as Omit<Report, "code">) };
}

const byConfig = (file: string = lab.sshConfig): string[] => ["-e", `ssh -F ${file}`];

function find({ steps }: Report, name: StepName): Step {
  const step = steps.find((candidate) => candidate.step === name);
  assert.ok(step, `${name} is not among ${JSON.stringify(steps, undefined, 2)}`);
  return step;
}

/** The steps of the way in, as far as it went. */
function wayIn({ steps }: Report): readonly (readonly [StepName, StepStatus])[] {
  return steps
    .slice(
      0,
      steps.findIndex(({ step }) => step === "privileges"),
    )
    .map(({ step, status }) => [step, status]);
}

/** Another sshd on the server, with options that stand before those of the lab. */
async function startOddSshd(context: TestContext, port: number, ...options: string[]): Promise<string> {
  const sshd = lab.server.start([
    "/usr/sbin/sshd",
    "-D",
    "-e",
    "-f",
    join(lab.directory, "sshd_config"),
    "-p",
    String(port),
    ...options.map((option) => `-o${option}`),
  ]);
  context.after(async () => {
    sshd.kill("SIGTERM");
    await sshd.end();
  });
  await sshd.output(/Server listening on :: /);
  return `server:${port}`;
}

/** What root's login shell runs first, for one test. */
function withRcFile(context: TestContext, text: string): Promise<string> {
  context.after(() => lab.server.shell("rm ~/.bashrc"));
  return lab.server.shell("cat > ~/.bashrc", { input: text });
}

test("of a healthy host every step is ok, down to the target", async () => {
  const report = await diagnose([
    "-r",
    "server",
    ...byConfig(),
    `${BEHIND}:${PORT.echo}`,
    FAR_NAME,
    "10.0.0.0/8",
  ]);
  assert.deepEqual(
    report.steps.map(({ step, status }) => [step, status]),
    [
      "ssh",
      "connection",
      "host-key",
      "authentication",
      "login-shell",
      "noise",
      "runtime",
      "agent",
      "link",
      "target",
      "target",
      "names-there",
      "subnet",
      "privileges",
      "firewall",
      "ip-forward",
      "names-here",
    ].map((name) => [name, name === "names-here" ? "warning" : "ok"]),
    JSON.stringify(report, undefined, 2),
  );
  assert.deepEqual([report.code, report.warnings, report.problems], [0, 1, 0]);
  assert.match(find(report, "ssh").detail, /^OpenSSH_\d/);
  assert.equal(find(report, "connection").detail, `to ${SERVER}`);
  assert.match(find(report, "runtime").detail, new RegExp(`^node ${process.versions.node} on linux`));
  assert.match(find(report, "firewall").detail, /^auto takes nft, for IPv4 and IPv6; nat works too$/);
  assert.match(find(report, "ip-forward").detail, /^IPv4 on, IPv6 on;/);
  const [byAddress, byName] = report.steps.filter(({ step }) => step === "target");
  assert.match(byAddress?.detail ?? "", new RegExp(`^${BEHIND}:${PORT.echo}: connected in [\\d.]+ ms$`));
  assert.match(byName?.detail ?? "", new RegExp(`^${FAR_NAME}:443: the host answers`));
  assert.equal(find(report, "names-there").detail, `the server resolves ${FAR_NAME}`);
});

test("lines are printed for people, with the fix below, and a sum at the end", async () => {
  const { code, stdout, stderr } = await doctor(["-r", "server:9", ...byConfig()]);
  assert.deepEqual([code, stderr], [1, ""]);
  assert.match(stdout, /^ok {7}ssh {13}OpenSSH_.*\nproblem {2}connection {6}Cannot reach ssh server, /);
  assert.match(stdout, /Connection refused\n {25}fix: check that sshd runs there, and on that port\n/);
  assert.match(stdout, /\n\d ok, 1 warning, 1 problem in \d+\.\d s\n$/);
});

test("a port where no sshd listens is a problem of the connection", async () => {
  const report = await diagnose(["-r", "server:9", ...byConfig()]);
  assert.deepEqual(wayIn(report), [
    ["ssh", "ok"],
    ["connection", "problem"],
  ]);
  assert.equal(report.code, 1);
});

test("a key that the server does not know is a problem of the authentication", async () => {
  const config = join(lab.directory, "other-config");
  await lab.client.shell(`ssh-keygen -q -t ed25519 -N '' -f ${lab.directory}/other-key`);
  writeFileSync(config, readFileSync(lab.sshConfig, "utf8").replaceAll("user-key", "other-key"));
  const report = await diagnose(["-r", "server", ...byConfig(config)]);
  assert.deepEqual(wayIn(report), [
    ["ssh", "ok"],
    ["connection", "ok"],
    ["host-key", "ok"],
    ["authentication", "problem"],
  ]);
  assert.match(find(report, "authentication").detail, /Permission denied \(publickey\)/);
});

test("a server whose key is not known is a problem of the host key", async () => {
  const config = join(lab.directory, "strange-config");
  writeFileSync(config, readFileSync(lab.sshConfig, "utf8").replaceAll("known_hosts", "known_nobody"));
  const report = await diagnose(["-r", "server", ...byConfig(config)]);
  assert.deepEqual(wayIn(report).at(-1), ["host-key", "problem"]);
});

test("ForceCommand internal-sftp is a problem of the login shell, and named", async (context) => {
  const remote = await startOddSshd(context, 2222, "ForceCommand=internal-sftp");
  const report = await diagnose(["-r", remote, ...byConfig()]);
  assert.deepEqual(wayIn(report).slice(-2), [
    ["authentication", "ok"],
    ["login-shell", "problem"],
  ]);
  assert.match(find(report, "login-shell").fix ?? "", /ForceCommand internal-sftp/);
});

test("a forced sftp-server and a login shell that is nologin are named as well", async (context) => {
  const remote = await startOddSshd(context, 2224, "ForceCommand=/usr/lib/openssh/sftp-server");
  const sftp = find(await diagnose(["-r", remote, ...byConfig()]), "login-shell");
  assert.match(sftp.fix ?? "", /forced command is sftp-server/);
  const makeShell = (path: string): Promise<string> =>
    lab.server.shell(`sed -i 's|^\\(${LAB_USER.name}:.*\\):.*|\\1:${path}|' /etc/passwd`);
  context.after(() => makeShell("/bin/bash"));
  await makeShell("/usr/sbin/nologin");
  const nologin = find(await diagnose(["-r", `${LAB_USER.name}@server`, ...byConfig()]), "login-shell");
  assert.deepEqual([nologin.status, /nologin/.test(nologin.fix ?? "")], ["problem", true]);
});

test("a forced command is a problem of the login shell, with what it said", async (context) => {
  const remote = await startOddSshd(context, 2223, "ForceCommand=echo 'only \x1b[31mbackups here'");
  const step = find(await diagnose(["-r", remote, ...byConfig()]), "login-shell");
  assert.equal(step.status, "problem");
  assert.match(step.detail, /only \\u\{1b\}\[31mbackups here/);
});

test("rc files that print are a warning with their first line, and the way goes on", async (context) => {
  await withRcFile(context, "printf '\\n\\033[2Jwelcome\\nmore\\n'\n");
  const report = await diagnose(["-r", "server", ...byConfig()]);
  const noise = find(report, "noise");
  assert.equal(noise.status, "warning");
  assert.match(noise.detail, /print 18 bytes on stdout.*the first line: "\\u\{1b\}\[2Jwelcome"$/);
  assert.match(noise.fix ?? "", /rc files/);
  assert.deepEqual([report.code, find(report, "link").status], [0, "ok"]);
});

test("no runtime there is a problem of the runtime, with what was tried", async () => {
  const report = await diagnose(["-r", "server", ...byConfig(), "--runtime", "/nowhere/node"]);
  assert.deepEqual(wayIn(report).slice(-2), [
    ["login-shell", "ok"],
    ["runtime", "problem"],
  ]);
  assert.match(find(report, "runtime").detail, /tried --runtime: .*\/nowhere\/node/);
  assert.match(find(report, "runtime").fix ?? "", /install Node 8 or later.*--no-agent/);
});

test("targets that refuse, drop or do not resolve are problems, each with its reason", async () => {
  const args = [
    `${BEHIND}:${PORT.refused}`,
    `${BEHIND}:${PORT.blackHole}`,
    "nobody.knows.example:80",
    BEHIND,
  ];
  const report = await diagnose(["-r", "server", ...byConfig(), ...args]);
  const targets = report.steps.filter(({ step }) => step === "target");
  assert.deepEqual(
    targets.map(({ status }) => status),
    ["problem", "problem", "problem", "ok"],
  );
  const [refused, dropped, unknown] = targets;
  assert.match(refused?.detail ?? "", /^10\.20\.30\.40:8104: refused/);
  assert.match(dropped?.detail ?? "", /^10\.20\.30\.40:8105: no answer within 10 s$/);
  assert.match(unknown?.detail ?? "", /^nobody\.knows\.example:80: the server cannot resolve the name/);
  assert.ok(targets.slice(0, 3).every(({ fix }) => fix !== undefined));
  assert.deepEqual([find(report, "names-there").status, report.code], ["warning", 1]);
});

test("the connection is to where ssh is really connected to: the jump host, where there is one", async () => {
  const behind = addressOf("server", "jump").v4;
  for (const way of [
    ["-r", "server-by-jump"],
    ["-r", behind, "-J", "jump"],
  ]) {
    const report = await diagnose([...way, ...byConfig()]);
    assert.equal(find(report, "connection").detail, `to ${addressOf("jump", "client").v4}:22`);
    assert.equal(find(report, "agent").status, "ok");
  }
});

test("the connection through a master that is shared is the master's", async () => {
  await lab.client.shell(`ssh -F ${lab.sshConfig} server-by-master true`);
  const report = await diagnose(["-r", "server-by-master", ...byConfig()]);
  assert.deepEqual([find(report, "connection").detail, report.code], [`to ${SERVER}`, 0]);
});

test("the ssh2 transport walks the same way", async () => {
  const options = ["--transport", "ssh2", "--ssh-config", lab.sshConfig];
  const good = await diagnose(["-r", "server", ...options]);
  assert.equal(good.code, 0);
  assert.match(find(good, "ssh").detail, /^the ssh2 package, \d+\.\d+\.\d+/);
  assert.equal(find(good, "connection").detail, `to ${SERVER}`);
  assert.deepEqual(wayIn(await diagnose(["-r", "server:9", ...options])), [
    ["ssh", "ok"],
    ["connection", "problem"],
  ]);
});

test("without an ssh program the way ends before it begins", async () => {
  const report = await diagnose(["-r", "server", "-e", "/nowhere/ssh"]);
  assert.deepEqual(wayIn(report), [["ssh", "problem"]]);
  assert.match(find(report, "ssh").fix ?? "", /--transport ssh2/);
});

test("a user without rights is told by whom they are had, and what the firewall can do", async () => {
  const report = await diagnose([], { unprivileged: true });
  assert.match(find(report, "privileges").detail, /^sudo makes root of you without a password$/);
  assert.match(find(report, "firewall").detail, /^auto takes nft/);
});

test("nobody is asked for sudo's password: that it would be asked for is a warning", async (context) => {
  const permit = (tag: string): Promise<string> =>
    lab.client.shell(`echo '${LAB_USER.name} ALL=(ALL) ${tag} ALL' > /etc/sudoers.d/lab`);
  context.after(() => permit("NOPASSWD:"));
  await permit("PASSWD:");
  const report = await diagnose([], { unprivileged: true });
  const { status, detail } = find(report, "privileges");
  assert.deepEqual([status, detail.startsWith("sudo asks for a password")], ["warning", true]);
  assert.ok(report.steps.every(({ step }) => step !== "firewall"));
});

test("the doctor leaves nothing behind: no process there, no rule here", async () => {
  const rules = await lab.client.rules();
  const before = new Set([...lab.server.processes(), ...lab.client.processes()].map(({ pid }) => pid));
  await diagnose(["-r", "server", ...byConfig()]);
  assert.equal(await lab.client.rules(), rules);
  // sshd's process for the session sees its end a moment later.
  await eventually("no process is new", () => {
    const left = [...lab.server.processes(), ...lab.client.processes()].filter(({ pid }) => !before.has(pid));
    return left.length === 0 ? true : undefined;
  });
});
