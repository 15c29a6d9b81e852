/** The laboratory's own test: every check that the others lean on is shown to fail when it should. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import { LabProcess, eventually } from "../lab/lab-process.ts";
import { addressOf, wayOf } from "../lab/layout.ts";
import { readProcess } from "../lab/process-table.ts";
import { RULES_COMMAND, normaliseRules } from "../lab/rules.ts";
import { ENDS_FIRST_BYTES, PORT, WHOAMI_PORTS } from "../lab/services.ts";
import type { WhoAmI } from "../lab/services.ts";
import type { SshAlias } from "../lab/sshd.ts";
import { streamSha256 } from "../lab/stream.ts";
import { assertDownload, assertUpload } from "../lab/transfer.ts";

/** Somewhere behind the server. */
const SOMEWHERE = { v4: "10.11.12.13", v6: "2001:db8:f000::13" } as const;
const WHOAMI_PORT = WHOAMI_PORTS[0] ?? 0;
const MIB = 1024 * 1024;

const lab = await createLab();
after(() => lab.close());
const directLab = await createLab({ direct: true });
after(() => directLab.close());

/** What lab.client.rules() is for the client, for the machine itself. */
async function machineRules(): Promise<string> {
  const { code, stdout, stderr } = await new LabProcess(["sh", "-ec", RULES_COMMAND]).end();
  assert.equal(code, 0, stderr);
  return normaliseRules(stdout);
}

/** The stand-in for a tunnel: OpenSSH's own forwarding of port 8080 to an address behind the server. */
async function forwardWithSsh(from: typeof lab, to: string, port: number): Promise<LabProcess> {
  const argv = [
    "ssh",
    "-v",
    "-N",
    "-F",
    from.sshConfig,
    "-L",
    `127.0.0.1:8080:${to}:${port}`,
    "server",
  ] as const;
  const ssh = from.client.start(argv);
  await ssh.output(/Entering interactive session/);
  return ssh;
}

describe("without a tunnel", () => {
  for (const [family, address] of Object.entries(SOMEWHERE)) {
    test(`the client cannot reach the target (${family}), the server can`, async () => {
      const request = { address, port: WHOAMI_PORT };
      assert.equal((await lab.client.exchange(request)).error, "ENETUNREACH");
      assert.equal((await lab.lan.exchange(request)).error, "ENETUNREACH");
      const { head, error } = await lab.server.exchange(request);
      assert.equal(error, undefined);
      assert.equal((JSON.parse(head) as WhoAmI).local, address);
    });
  }

  test("a download fails", async () => {
    const url = `http://${SOMEWHERE.v4}/stream?bytes=1000`;
    await assert.rejects(assertDownload(lab.client, url, 1000), /curl: \(7\)/);
  });
});

describe("with a stand-in for a tunnel", () => {
  test("downloads and uploads succeed", async () => {
    const ssh = await forwardWithSsh(lab, SOMEWHERE.v4, PORT.http);
    await assertDownload(lab.client, `http://127.0.0.1:8080/stream?bytes=${MIB}`, MIB);
    await assertUpload(lab.client, "http://127.0.0.1:8080/sink", MIB);
    ssh.kill("SIGTERM");
    await ssh.end();
  });

  test("the address that the target sees tells tunnelled from direct", async () => {
    const ssh = await forwardWithSsh(directLab, SOMEWHERE.v4, WHOAMI_PORT);
    const tunnelled = await directLab.client.exchange({ address: "127.0.0.1", port: 8080 });
    assert.equal(wayOf((JSON.parse(tunnelled.head) as WhoAmI).peer), "tunnelled");
    for (const address of Object.values(SOMEWHERE)) {
      for (const host of [directLab.client, directLab.lan]) {
        const direct = await host.exchange({ address, port: WHOAMI_PORT });
        assert.equal(wayOf((JSON.parse(direct.head) as WhoAmI).peer), "direct", `${host.name} to ${address}`);
      }
    }
    ssh.kill("SIGTERM");
    await ssh.end();
  });

  const aliases: SshAlias[] = [
    "server",
    "server6",
    "server-by-jump",
    "server-by-command",
    "server-by-master",
  ];
  for (const alias of aliases) {
    test(`ssh reaches the server as ${alias}`, async () => {
      const connection = await lab.client.shell(`ssh -F ${lab.sshConfig} ${alias} 'echo $SSH_CONNECTION'`);
      const via = alias.endsWith("jump") || alias.endsWith("command") ? "jump" : "client";
      const { v4, v6 } = addressOf(via, "server");
      assert.equal(connection.split(" ")[0], alias === "server6" ? v6 : v4);
    });
  }
});

describe("the check of a transfer", () => {
  const url = `http://127.0.0.1:${PORT.http}/stream`;

  test("fails for one wrong bit", async () => {
    await assertDownload(lab.target, `${url}?bytes=${MIB}`, MIB);
    await assert.rejects(assertDownload(lab.target, `${url}?bytes=${MIB}&flip=700000`, MIB), /sha256/);
  });

  test("fails for a byte more or less", async () => {
    await assert.rejects(assertDownload(lab.target, `${url}?bytes=${MIB + 1}`, MIB), /bytes from/);
    await assert.rejects(assertDownload(lab.target, `${url}?bytes=${MIB - 1}`, MIB), /bytes from/);
  });

  test("fails for an answer that is no answer", async () => {
    await assert.rejects(assertDownload(lab.target, `http://127.0.0.1:${PORT.http}/none`, 0), /404/);
    await assert.rejects(
      assertDownload(lab.target, `http://127.0.0.1:${PORT.resets}/`, 0),
      /curl: \((?:7|56)\)/,
    );
  });
});

describe("the snapshot of the rules", () => {
  const leftovers: readonly (readonly [what: string, leave: string, remove: string])[] = [
    ["an nft table", "nft add table inet left", "nft delete table inet left"],
    ["an iptables chain", "iptables -t nat -N left", "iptables -t nat -X left && nft delete table ip nat"],
    [
      "an ip6tables rule",
      "ip6tables -t nat -I OUTPUT -p tcp -j REDIRECT --to-ports 1",
      "nft delete table ip6 nat",
    ],
    ["a routing rule", "ip rule add fwmark 1 lookup 100", "ip rule del fwmark 1"],
    ["a route", "ip -6 route add local ::/0 dev lo table 100", "ip -6 route flush table 100"],
  ];
  for (const [what, leave, remove] of leftovers) {
    test(`differs by ${what} left behind, and is the same again without it`, async () => {
      const before = await lab.client.rules();
      await lab.client.shell(leave);
      assert.notEqual(await lab.client.rules(), before);
      await lab.client.shell(remove);
      assert.equal(await lab.client.rules(), before);
    });
  }

  test("does not differ by traffic that was counted", async () => {
    await lab.client.shell("iptables -A OUTPUT -d 127.0.0.9 -j ACCEPT");
    await lab.client.shell(
      "nft add table inet count '{ chain out { type filter hook output priority 0; counter; }; }'",
    );
    const before = await lab.client.rules();
    const unnormalised = await lab.client.shell(RULES_COMMAND);
    await lab.client.shell(`ssh -F ${lab.sshConfig} server true`);
    assert.equal(await lab.client.rules(), before);
    assert.notEqual(await lab.client.shell(RULES_COMMAND), unnormalised);
    await lab.client.shell("nft flush ruleset");
  });
});

describe("the process table", () => {
  test("shows what was left running on a host, and where", async () => {
    const before = lab.server.processes().map(({ pid }) => pid);
    const left = lab.server.start(["sh", "-c", "exec setsid --fork sleep 1000 > /dev/null 2>&1"]);
    await left.end();
    const entry = await eventually("sleep 1000 is on the server", () =>
      lab.server.processes().find(({ pid, command }) => !before.includes(pid) && command === "sleep 1000"),
    );
    assert.ok(lab.client.processes().every(({ pid }) => pid !== entry.pid));
    process.kill(entry.pid, "SIGKILL");
    await eventually("sleep is gone", () => (readProcess(entry.pid) === undefined ? true : undefined));
    assert.deepEqual(
      lab.server.processes().map(({ pid }) => pid),
      before,
    );
  });
});

describe("the target", () => {
  const address = SOMEWHERE.v4;
  const errorOf = async (port: number): Promise<string | undefined> =>
    (await lab.server.exchange({ address, port, timeoutMs: 500 })).error;

  test("answers only at the end to a connection that is half closed", async () => {
    const request = { address, port: PORT.answersAtEnd, sendBytes: 5 };
    const { head, error } = await lab.server.exchange({ ...request, end: "after-send" });
    assert.equal(error, undefined);
    assert.equal((JSON.parse(head) as { bytes: number }).bytes, 5);
    const waiting = await lab.server.exchange({ ...request, timeoutMs: 300 });
    assert.equal(waiting.error, "TIMEOUT");
  });

  test("goes on reading after it has ended first", async () => {
    const result = await lab.server.exchange({ address, port: PORT.endsFirst, sendBytes: 70_000 });
    assert.equal(result.sha256, streamSha256(ENDS_FIRST_BYTES));
    await lab.targetProgram.output(/endsFirst \{"bytes":70000,/);
  });

  test("refuses, resets, or is silent, each in its own way", async () => {
    assert.equal(await errorOf(PORT.refused), "ECONNREFUSED");
    assert.equal(await errorOf(PORT.resets), "ECONNRESET");
    assert.equal(await errorOf(PORT.blackHole), "TIMEOUT");
  });

  test("stops a sender by not reading", async () => {
    const request = { address, port: PORT.neverReads, read: false, timeoutMs: 1000 };
    assert.equal((await lab.server.exchange({ ...request, sendBytes: 1000 })).error, undefined);
    assert.equal((await lab.server.exchange({ ...request, sendBytes: 64 * MIB })).error, "TIMEOUT");
  });
});

describe("a lab", () => {
  test("has its own /etc, in which the unprivileged user may become root", async () => {
    const unprivileged = { unprivileged: true } as const;
    assert.equal(await lab.client.shell("id -u; sudo -n id -u; doas -n id -u", unprivileged), "4242\n0\n0\n");
    await lab.client.shell("echo 10.0.0.1 only.in.the.lab >> /etc/hosts");
    assert.match(await lab.server.shell("cat /etc/hosts"), /only\.in\.the\.lab/);
    assert.doesNotMatch(readFileSync("/etc/hosts", "utf8"), /only\.in\.the\.lab/);
  });

  test("leaves nothing of itself, and the machine's own rules as they were", async () => {
    const before = await machineRules();
    const short = await createLab();
    const { pid } = short.server.start(["setsid", "sleep", "1000"], { detached: true });
    await short.close();
    assert.equal(readProcess(pid), undefined);
    assert.equal(existsSync(short.directory), false);
    assert.equal(await machineRules(), before);
  });

  test("goes down with the test process that is killed", async () => {
    const module = JSON.stringify(join(import.meta.dirname, "../lab/lab.js"));
    const script = `const { createLab } = await import(${module});
      const lab = await createLab();
      console.log(JSON.stringify([lab.directory, lab.sshd.pid]));
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(owner.stdout, "data")) as [Buffer];
    const [directory, sshdPid] = JSON.parse(line.toString()) as [string, number];
    assert.match(readProcess(sshdPid)?.command ?? "", /sshd/);
    owner.kill("SIGKILL");
    await eventually("the directory is gone", () => (existsSync(directory) ? undefined : true));
    assert.equal(readProcess(sshdPid), undefined);
  });
});
