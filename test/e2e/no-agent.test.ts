/** --no-agent: sshd's own forwarding does the work, on a server that runs nothing of ours. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import { createLab } from "../lab/lab.ts";
import { eventually } from "../lab/lab-process.ts";
import { familyOf } from "../lab/process-table.ts";
import { PORT } from "../lab/services.ts";
import { FAR_NAME } from "../lab/sshd.ts";
import { assertDownload, assertUpload } from "../lab/transfer.ts";
import { endAllBut, startTunnel, wayTo, withTunnel } from "../lab/tunnel.ts";

const MIB = 1024 * 1024;
const BULK_BYTES = 64 * MIB;
const DESTINATION = "10.1.2.3";

const lab = await createLab();
after(() => lab.close());

const args = ["--no-agent", "--method", "nft", "10.0.0.0/8", "2001:db8:f000::/48"];

describe("--no-agent", () => {
  test("carries captured connections, IPv4 and IPv6, and leaves the rules as they were", async () => {
    const before = await lab.client.rules();
    await withTunnel(lab, { args }, async () => {
      assert.equal(await wayTo(lab.client, DESTINATION), "tunnelled");
      assert.equal(await wayTo(lab.client, "2001:db8:f000::3"), "tunnelled");
      await assertDownload(lab.client, `http://${DESTINATION}/stream?bytes=${BULK_BYTES}`, BULK_BYTES);
      await assertUpload(lab.client, `http://${DESTINATION}/sink`, BULK_BYTES);
    });
    assert.equal(await lab.client.rules(), before);
  });

  test("runs nothing on the server: one session without a command", async () => {
    const before = new Set(lab.server.processes().map(({ pid }) => pid));
    await withTunnel(lab, { args }, async () => {
      const commands = lab.server.processes().filter(({ pid }) => !before.has(pid));
      assert.ok(
        commands.length > 0 && commands.every(({ command }) => command.startsWith("sshd:")),
        JSON.stringify(commands),
      );
    });
  });

  test("half close both ways: an answer that comes after our end arrives whole", async () => {
    await withTunnel(lab, { args }, async () => {
      const { head } = await lab.client.exchange({
        address: DESTINATION,
        port: PORT.answersAtEnd,
        send: "x".repeat(1000),
        end: "after-send",
      });
      assert.equal((JSON.parse(head) as { bytes: number }).bytes, 1000);
    });
  });

  test("a refused connection is an error at the application, and ssh's words are shown at -v", async () => {
    const sshCommand = ["-e", `ssh -F ${lab.sshConfig} -oLogLevel=INFO`];
    await withTunnel(lab, { args: [...sshCommand, ...args] }, async (tunnel) => {
      const { error } = await lab.client.exchange({ address: DESTINATION, port: PORT.refused });
      assert.equal(error, "ECONNRESET");
      await tunnel.output(/ssh: channel \d+: open failed: connect failed: Connection refused/);
    });
  });

  test("names are resolved by the server", async () => {
    await withTunnel(lab, { args: ["--no-agent", "--socks", "127.0.0.1:1080"] }, async () => {
      const { stdout } = await lab.client.run([
        "curl",
        "-sS",
        "--socks5-hostname",
        "127.0.0.1:1080",
        `http://${FAR_NAME}/whoami`,
      ]);
      assert.equal((JSON.parse(stdout) as { local: string }).local, "10.11.12.13");
    });
  });

  test("the end of ssh ends the tunnel with the reason, and nothing is left", async () => {
    const rules = await lab.client.rules();
    const before = new Set(lab.client.processes().map(({ pid }) => pid));
    const tunnel = await startTunnel(lab, { args });
    try {
      const ssh = familyOf(tunnel.pid).find(({ command }) => command.startsWith("ssh "));
      assert.ok(ssh);
      process.kill(ssh.pid, "SIGKILL");
      const { code } = await tunnel.end();
      assert.equal(code, 75, tunnel.said);
      assert.match(tunnel.said, /Lost the forwarding: .*SIGKILL/);
      assert.equal(await lab.client.rules(), rules);
      await eventually("nothing is left", () =>
        lab.client.processes().every(({ pid }) => before.has(pid)) ? true : undefined,
      );
    } finally {
      await endAllBut(lab.client, before);
    }
  });

  test("a login that fails is ssh's error, as with an agent", async () => {
    const options = `-e "ssh -F ${lab.sshConfig}" --no-agent --socks 127.0.0.1:1080`;
    const main = `${PROJECT_IN_LAB}/dist/client/main.js`;
    const { code, stderr } = await lab.client.run([
      "sh",
      "-c",
      `node ${main} -r no-such-user@server ${options}`,
    ]);
    assert.notEqual(code, 0);
    assert.match(stderr, /Cannot log in by ssh no-such-user@server/);
  });
});
