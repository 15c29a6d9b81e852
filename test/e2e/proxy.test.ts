/** SOCKS and HTTP CONNECT, by a user without any rights, with curl for the application. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import type { LabProcess } from "../lab/lab-process.ts";
import { wayOf } from "../lab/layout.ts";
import { familyOf } from "../lab/process-table.ts";
import { PORT } from "../lab/services.ts";
import type { WhoAmI } from "../lab/services.ts";
import { FAR_NAME } from "../lab/sshd.ts";
import { assertDownload, assertUpload } from "../lab/transfer.ts";
import { startTunnel, stopTunnel } from "../lab/tunnel.ts";

const MIB = 1024 * 1024;
const PROXY = "127.0.0.1:1080";

const unprivileged = { unprivileged: true } as const;
const lab = await createLab();
after(() => lab.close());

/** curl's own words for each protocol; `name` where it leaves resolving to the proxy. */
const PROTOCOLS = {
  SOCKS5: { curl: ["--socks5", PROXY], resolves: false },
  "SOCKS5 with a name": { curl: ["--socks5-hostname", PROXY], resolves: true },
  SOCKS4: { curl: ["--socks4", PROXY], resolves: false },
  SOCKS4a: { curl: ["--socks4a", PROXY], resolves: true },
  "HTTP CONNECT": { curl: ["--proxytunnel", "--proxy", `http://${PROXY}`], resolves: true },
} as const;

describe("the proxy of an unprivileged client", () => {
  let tunnel: LabProcess;
  let rulesBefore: string;
  before(async () => {
    rulesBefore = await lab.client.rules();
    tunnel = await startTunnel(lab, { ...unprivileged, args: ["--socks", PROXY] });
  });
  after(() => stopTunnel(tunnel));

  test("starts no helper and makes no rule", async () => {
    assert.equal(await lab.client.rules(), rulesBefore);
    const commands = familyOf(tunnel.pid).map(({ command }) => command.split(" ")[0]);
    assert.deepEqual(commands, ["node", "ssh"]);
  });

  for (const [name, { curl, resolves }] of Object.entries(PROTOCOLS)) {
    test(`${name} carries ${MIB} bytes down and up`, async () => {
      const options = { ...unprivileged, curl };
      await assertDownload(lab.client, `http://10.1.2.3/stream?bytes=${MIB}`, MIB, options);
      await assertUpload(lab.client, "http://10.1.2.3/sink", MIB, options);
    });

    test(`${name} connects from the server`, async () => {
      const host = resolves ? FAR_NAME : "10.11.12.13";
      const { code, stdout, stderr } = await lab.client.run(
        ["curl", "-sS", ...curl, `http://${host}/whoami`],
        unprivileged,
      );
      assert.equal(code, 0, stderr);
      const seen = JSON.parse(stdout) as WhoAmI;
      assert.equal(wayOf(seen.peer), "tunnelled");
      assert.equal(seen.local, "10.11.12.13");
    });

    test(`${name} says that a connection was refused`, async () => {
      const url = `http://10.1.2.3:${PORT.refused}/`;
      const { code, stdout } = await lab.client.run(["curl", "-sS", ...curl, url], unprivileged);
      // 97: the SOCKS handshake failed; 56: the answer to CONNECT was no 200.
      assert.equal(code, name === "HTTP CONNECT" ? 56 : 97);
      assert.equal(stdout, "");
    });
  }

  test("SOCKS5 and HTTP CONNECT carry IPv6", async () => {
    for (const { curl } of [PROTOCOLS.SOCKS5, PROTOCOLS["HTTP CONNECT"]]) {
      const url = `http://[2001:db8:f000::3]/stream?bytes=${MIB}`;
      await assertDownload(lab.client, url, MIB, { ...unprivileged, curl });
    }
  });

  test("a name that nobody knows is an error", async () => {
    for (const { curl } of Object.values(PROTOCOLS).filter(({ resolves }) => resolves)) {
      const { code } = await lab.client.run(["curl", "-sS", ...curl, "http://nobody.example/"], unprivileged);
      assert.ok(code === 97 || code === 56, `curl ${curl.join(" ")} ended with ${code}`);
    }
  });
});
