/** Connections of another machine that has the client for its router. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import { PORT } from "../lab/services.ts";
import { assertDownload } from "../lab/transfer.ts";
import { CAPTURE_METHODS, wayTo, withTunnel } from "../lab/tunnel.ts";

const MIB = 1024 * 1024;

const lab = await createLab({ direct: true });
after(() => lab.close());

for (const method of CAPTURE_METHODS) {
  describe(`with ${method}`, () => {
    test("-l 0.0.0.0,[::] captures what the LAN sends through this machine", async () => {
      const listen = ["-l", "0.0.0.0:0,[::]:0"];
      const args = ["--method", method, ...listen, "10.0.0.0/8", "2001:db8:f000::/36", "-x", "10.9.0.0/16"];
      await withTunnel(lab, { args }, async () => {
        assert.equal(await wayTo(lab.lan, "10.1.2.3"), "tunnelled");
        assert.equal(await wayTo(lab.lan, "2001:db8:f000::3"), "tunnelled");
        assert.equal(await wayTo(lab.lan, "10.9.0.1"), "direct");
        assert.equal(await wayTo(lab.lan, "2001:db8:e000::3"), "direct");
        assert.equal(await wayTo(lab.client, "10.1.2.3"), "tunnelled");
        await assertDownload(lab.lan, `http://10.1.2.3/stream?bytes=${16 * MIB}`, 16 * MIB);
        const refused = await lab.lan.exchange({ address: "10.1.2.3", port: PORT.refused });
        assert.equal(refused.error, "ECONNRESET");
      });
    });

    test("without it the LAN's connections are left alone", async () => {
      await withTunnel(lab, { args: ["--method", method, "10.0.0.0/8"] }, async () => {
        assert.equal(await wayTo(lab.client, "10.1.2.3"), "tunnelled");
        assert.equal(await wayTo(lab.lan, "10.1.2.3"), "direct");
      });
    });
  });
}
