import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import type { LabProcess } from "../lab/lab-process.ts";
import { PORT } from "../lab/services.ts";
import { assertDownload, assertUpload } from "../lab/transfer.ts";
import { CAPTURE_METHODS, startTunnel, stopTunnel } from "../lab/tunnel.ts";

const MIB = 1024 * 1024;
/** Both methods end in the same byte path; one of them is enough for the long haul. */
const BYTES = {
  nft: { down: 1024 * MIB, up: 256 * MIB },
  nat: { down: 64 * MIB, up: 64 * MIB },
} as const;

const lab = await createLab();
after(() => lab.close());

for (const method of CAPTURE_METHODS) {
  describe(`through ${method}`, () => {
    const { down, up } = BYTES[method];
    let tunnel: LabProcess;
    before(async () => {
      tunnel = await startTunnel(lab, { args: ["--method", method, "10.0.0.0/8", "2001:db8:f000::/36"] });
    });
    after(() => stopTunnel(tunnel));

    test(`${down / MIB} MiB come down bit for bit`, async () => {
      await assertDownload(lab.client, `http://10.1.2.3/stream?bytes=${down}`, down);
    });

    test(`${up / MIB} MiB go up bit for bit`, async () => {
      await assertUpload(lab.client, "http://10.1.2.3/sink", up);
    });

    test("64 MiB come down and go up over IPv6", async () => {
      await assertDownload(lab.client, `http://[2001:db8:f000::3]/stream?bytes=${64 * MIB}`, 64 * MIB);
      await assertUpload(lab.client, "http://[2001:db8:f000::3]/sink", 64 * MIB);
    });

    test("200 connections are open at the same time, each with its own bytes", async () => {
      const open = Array.from({ length: 200 }, async (_, index) => {
        const send = `connection ${index} `.repeat(1000);
        const address = index % 2 === 0 ? `10.0.0.${index + 1}` : `2001:db8:f000::${index + 1}`;
        const request = { address, port: PORT.echo, send, receiveBytes: send.length } as const;
        const { error, sha256 } = await lab.client.exchange({ ...request, end: "never" });
        assert.equal(error, undefined, `connection ${index}`);
        assert.equal(sha256, createHash("sha256").update(send).digest("hex"), `connection ${index}`);
      });
      await Promise.all(open);
      const established = await lab.target.shell(
        `ss --no-header --tcp state established "( sport = :${PORT.echo} )" | wc -l`,
      );
      assert.ok(Number(established) >= 200, `${established.trim()} are established at the target`);
    });
  });
}
