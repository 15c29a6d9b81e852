/** Whatever ends a tunnel, both machines are afterwards what they were before. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import type { Lab } from "../lab/lab.ts";
import { eventually } from "../lab/lab-process.ts";
import type { LabProcess, Output } from "../lab/lab-process.ts";
import { familyOf } from "../lab/process-table.ts";
import type { ProcessEntry } from "../lab/process-table.ts";
import { CAPTURE_METHODS, endAllBut, startTunnel, wayTo } from "../lab/tunnel.ts";
import type { CaptureMethod } from "../lab/tunnel.ts";

/** How long the last of ours may take to be gone once its end has begun. */
const AFTERMATH_MS = 10_000;

interface Ending {
  readonly terminal?: boolean;
  readonly end: (tunnel: LabProcess, lab: Lab) => void;
  readonly expected: Partial<Output>;
}

function isHelper({ command }: ProcessEntry): boolean {
  return command.includes("firewall-helper") && !command.includes("sshuttle-watchdog");
}

function isWatchdog({ command }: ProcessEntry): boolean {
  return command.includes("sshuttle-watchdog");
}

function isSsh({ command }: ProcessEntry): boolean {
  return command.startsWith("ssh ");
}

/** @throws AssertionError if there is none: a test that kills nobody shows nothing. */
function killAll(processes: readonly ProcessEntry[]): void {
  assert.notEqual(processes.length, 0, "somebody to kill");
  for (const { pid } of processes) process.kill(pid, "SIGKILL");
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  "Ctrl-C on its terminal": {
    terminal: true,
    end: (tunnel) => void tunnel.stdin.write("\x03"),
    expected: { code: 130 },
  },
  SIGTERM: {
    end: (tunnel) => tunnel.kill("SIGTERM"),
    expected: { code: 143 },
  },
  "kill -9 of the client": {
    end: (tunnel) => tunnel.kill("SIGKILL"),
    expected: { signal: "SIGKILL" },
  },
  "kill -9 of the helper": {
    end: (tunnel) => killAll(familyOf(tunnel.pid).filter(isHelper)),
    // The firewall is lost: EX_OSERR.
    expected: { code: 71 },
  },
  "kill -9 of client and helper at once": {
    end: (tunnel) => {
      const family = familyOf(tunnel.pid);
      killAll(family.filter((entry) => entry.pid === tunnel.pid || isHelper(entry)));
    },
    expected: { signal: "SIGKILL" },
  },
  "death of ssh": {
    end: (tunnel) => killAll(familyOf(tunnel.pid).filter(isSsh)),
    expected: { code: 75 },
  },
  "death of the sshd session": {
    end: (_, { sshd }) => killAll(familyOf(sshd.pid).filter(({ pid }) => pid !== sshd.pid)),
    expected: { code: 75 },
  },
  "death of the agent": {
    end: (_, { sshd }) => killAll(familyOf(sshd.pid).filter(({ command }) => command.includes("node"))),
    expected: { code: 75 },
  },
};

/** Before any tunnel: the machine's own rules, made in the ways in which others make them, and who uses it. */
const MACHINES: Readonly<Record<string, { readonly setUp: string; readonly unprivileged: boolean }>> = {
  "without rules": { setUp: "true", unprivileged: false },
  "used without rights, by sudo": { setUp: "true", unprivileged: true },
  "with rules of its own": {
    setUp: `
    nft 'table inet own { chain out { type nat hook output priority -100; ip daddr 10.250.0.0/16 tcp dport 1 redirect to :2; }; }'
    for command in iptables ip6tables; do
      $command -t nat -N OWN
      $command -t nat -A OWN -p tcp --dport 4711 -j REDIRECT --to-ports 4712
      $command -t nat -A OUTPUT -m addrtype --dst-type LOCAL -j OWN
      $command -A INPUT -p tcp --dport 4713 -m comment --comment 'own rule' -j REJECT
    done`,
    unprivileged: false,
  },
};

function pidsOf(processes: readonly ProcessEntry[]): string {
  return processes.map(({ pid, command }) => `${pid} ${command}`).join("\n");
}

for (const [machine, { setUp, unprivileged }] of Object.entries(MACHINES)) {
  describe(`a machine ${machine}`, async () => {
    const lab = await createLab();
    after(() => lab.close());
    await lab.client.shell(setUp);

    for (const method of CAPTURE_METHODS) {
      for (const [name, ending] of Object.entries(ENDINGS)) {
        test(`is the same after ${name} (${method})`, async () => {
          const before = new Set(lab.client.processes().map(({ pid }) => pid));
          try {
            await endsCleanly(lab, { method, unprivileged }, ending);
          } finally {
            await endAllBut(lab.client, before);
          }
        });
      }
    }

    test("is the same after two tunnels at once have ended one after the other", async () => {
      const before = await lab.client.rules();
      const first = await startTunnel(lab, { unprivileged, args: ["--method", "nft", "10.1.0.0/16"] });
      const between = await lab.client.rules();
      const second = await startTunnel(lab, { unprivileged, args: ["--method", "nat", "10.2.0.0/16"] });
      const third = await startTunnel(lab, { unprivileged, args: ["--method", "nft", "10.3.0.0/16"] });
      for (const address of ["10.1.0.1", "10.2.0.1", "10.3.0.1"]) {
        assert.equal(await wayTo(lab.client, address), "tunnelled");
      }
      for (const [tunnel, gone, left] of [
        [third, "10.3.0.1", "10.2.0.1"],
        [second, "10.2.0.1", "10.1.0.1"],
      ] as const) {
        tunnel.kill("SIGTERM");
        await tunnel.end();
        assert.equal(await wayTo(lab.client, gone), "ENETUNREACH");
        assert.equal(await wayTo(lab.client, left), "tunnelled");
      }
      assert.equal(await lab.client.rules(), between);
      first.kill("SIGTERM");
      await first.end();
      assert.equal(await lab.client.rules(), before);
    });

    test("is the same after kill -9 of everything of ours at once: nft by itself, nat by cleanup", async () => {
      const before = await lab.client.rules();
      for (const method of CAPTURE_METHODS) {
        const others = new Set(lab.client.processes().map(({ pid }) => pid));
        await startTunnel(lab, {
          unprivileged,
          args: ["--method", method, "10.0.0.0/8", "2001:db8:f000::/36"],
        });
        const ours = lab.client.processes().filter(({ pid }) => !others.has(pid));
        assert.ok(ours.some(isHelper));
        assert.equal(ours.some(isWatchdog), method === "nat");
        killAll(ours);
        if (method === "nat") {
          assert.notEqual(await lab.client.rules(), before);
          await lab.client.shell("node dist/client/main.js cleanup");
          assert.equal(await lab.client.rules(), before);
        } else {
          await eventually("the kernel has removed the table", async () =>
            (await lab.client.rules()) === before ? true : undefined,
          );
        }
      }
    });
  });
}

async function endsCleanly(
  lab: Lab,
  { method, unprivileged }: { readonly method: CaptureMethod; readonly unprivileged: boolean },
  { terminal = false, end, expected }: Ending,
): Promise<void> {
  const rules = await lab.client.rules();
  const [clientBefore, serverBefore] = [pidsOf(lab.client.processes()), pidsOf(lab.server.processes())];
  const args = ["--method", method, "10.0.0.0/8", "2001:db8:f000::/36"];
  const tunnel = await startTunnel(lab, { args, unprivileged, terminal });
  assert.notEqual(await lab.client.rules(), rules);
  assert.equal(await wayTo(lab.client, "10.1.2.3"), "tunnelled");
  assert.equal(await wayTo(lab.client, "2001:db8:f000::3"), "tunnelled");

  end(tunnel, lab);
  const { code, signal } = await tunnel.end(AFTERMATH_MS);
  assert.deepEqual({ code, signal }, { code: null, signal: null, ...expected }, tunnel.said);
  await eventually(
    "nothing of ours runs on the client",
    () => (pidsOf(lab.client.processes()) === clientBefore ? true : undefined),
    AFTERMATH_MS,
  );
  await eventually(
    "nothing of ours runs on the server",
    () => (pidsOf(lab.server.processes()) === serverBefore ? true : undefined),
    AFTERMATH_MS,
  );
  assert.equal(await lab.client.rules(), rules);
  assert.equal(await wayTo(lab.client, "10.1.2.3"), "ENETUNREACH");
}
