/** With everything captured, the tunnel's own ssh connection is not, however ssh comes to the server. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import { createLab } from "../lab/lab.ts";
import { addressOf } from "../lab/layout.ts";
import { PORT, WHOAMI_PORTS } from "../lab/services.ts";
import type { WhoAmI } from "../lab/services.ts";
import type { SshAlias } from "../lab/sshd.ts";
import { assertDownload } from "../lab/transfer.ts";
import { CAPTURE_METHODS, wayTo, withTunnel } from "../lab/tunnel.ts";

const MIB = 1024 * 1024;
const ALIASES: readonly SshAlias[] = [
  "server",
  "server6",
  "server-by-jump",
  "server-by-command",
  "server-by-master",
];
const SERVER = addressOf("server", "client");
const CLIENT = addressOf("client", "server");

const lab = await createLab();
after(() => lab.close());
// The server has services of its own too, which only the tunnel reaches by the server's own address.
const services = lab.server.start(["node", `${PROJECT_IN_LAB}/dist/test/lab/target.js`]);
await services.output(/target ready/);

for (const method of CAPTURE_METHODS) {
  describe(`with 0/0 and ::/0 captured by ${method}`, () => {
    for (const remote of ALIASES) {
      test(`-r ${remote} goes on working`, async () => {
        await withTunnel(lab, { remote, args: ["--method", method, "0/0", "::/0"] }, async () => {
          assert.equal(await wayTo(lab.client, "10.1.2.3"), "tunnelled");
          assert.equal(await wayTo(lab.client, "2001:db8:f000::3"), "tunnelled");
          await assertDownload(lab.client, `http://10.1.2.3/stream?bytes=${8 * MIB}`, 8 * MIB);
        });
      });
    }

    test("a second ssh to the server goes direct, its other ports go through the tunnel", async () => {
      await withTunnel(lab, { args: ["--method", method, "0/0", "::/0"] }, async () => {
        const connection = await lab.client.shell(`ssh -F ${lab.sshConfig} server 'echo $SSH_CONNECTION'`);
        assert.equal(connection.split(" ")[0], CLIENT.v4);
        const port = WHOAMI_PORTS[0] ?? 0;
        const { head } = await lab.client.exchange({ address: SERVER.v4, port });
        assert.equal((JSON.parse(head) as WhoAmI).peer, SERVER.v4);
        const refused = await lab.client.exchange({ address: SERVER.v4, port: PORT.refused });
        assert.equal(refused.error, "ECONNRESET");
      });
    });
  });
}
