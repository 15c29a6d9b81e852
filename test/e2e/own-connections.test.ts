/** The evidence of what ssh is connected to, with real ssh processes. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import type { Endpoint } from "../../client/firewall/plan.ts";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import type { LabProcess } from "../lab/lab-process.ts";
import { createLab } from "../lab/lab.ts";
import { addressOf } from "../lab/layout.ts";
import type { SshAlias } from "../lab/sshd.ts";

const lab = await createLab();
after(() => lab.close());

const SERVER = addressOf("server", "client");
const JUMP = addressOf("jump", "client");
const VIA_JUMP: Endpoint = { family: 4, address: JUMP.v4, port: 22 };

/** An ssh that has a session with the server, in which something runs until the test's end. */
async function connected(t: TestContext, alias: SshAlias, unprivileged: boolean): Promise<LabProcess> {
  // A place where either user may make a socket.
  const controlPath = `ControlPath=/run/home/${unprivileged ? "labuser" : "root"}/master`;
  const master = alias === "server-by-master" ? ["-o", controlPath] : [];
  const argv = ["ssh", "-F", lab.sshConfig, ...master, alias, "echo connected; cat"] as const;
  const ssh = lab.client.start(argv, { unprivileged });
  t.after(() => ssh.kill("SIGKILL"));
  await ssh.output(/connected/);
  return ssh;
}

async function evidence(pid: number, unprivileged: boolean): Promise<Endpoint[]> {
  const script = `${PROJECT_IN_LAB}/dist/test/e2e/firewall/print-own-connections.js`;
  const { stdout, stderr, code } = await lab.client.run(["node", script, `${pid}`], { unprivileged });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Endpoint[];
}

const CASES: readonly [alias: SshAlias, expected: Endpoint][] = [
  ["server", { family: 4, address: SERVER.v4, port: 22 }],
  ["server6", { family: 6, address: SERVER.v6, port: 22 }],
  ["server-by-jump", VIA_JUMP],
  ["server-by-command", VIA_JUMP],
];

for (const unprivileged of [false, true]) {
  const who = unprivileged ? "a user without rights" : "root";
  for (const [alias, expected] of CASES) {
    test(`findOwnConnections() by ${who}: ssh to "${alias}" holds ${expected.address} port 22`, async (t) => {
      const ssh = await connected(t, alias, unprivileged);
      assert.deepEqual(await evidence(ssh.pid, unprivileged), [expected]);
    });
  }

  test(`findOwnConnections() by ${who}: an ssh that shares a master's connection is led by it`, async (t) => {
    await connected(t, "server-by-master", unprivileged);
    const second = await connected(t, "server-by-master", unprivileged);
    const [expected] = CASES[0]?.slice(1) ?? [];
    assert.deepEqual(await evidence(second.pid, unprivileged), [expected]);
  });
}

test("findOwnConnections() finds a connection of a grandchild", async (t) => {
  const shell = lab.client.start(["sh", "-c", "sh -c 'nc 192.0.2.1 22; true'; true"]);
  t.after(() => shell.kill("SIGKILL"));
  await shell.output(/SSH-2\.0/);
  assert.deepEqual(await evidence(shell.pid, false), [{ family: 4, address: SERVER.v4, port: 22 }]);
});

test("findOwnConnections() finds nothing of a process without connections, and of none at all", async (t) => {
  const idle = lab.client.start(["sleep", "60"]);
  t.after(() => idle.kill("SIGKILL"));
  assert.deepEqual(await evidence(idle.pid, false), []);
  assert.deepEqual(await evidence(4_194_303, false), []);
});

test("findOwnConnections() of another user's process finds nothing", async (t) => {
  const ssh = await connected(t, "server", false);
  assert.deepEqual(await evidence(ssh.pid, true), []);
});
