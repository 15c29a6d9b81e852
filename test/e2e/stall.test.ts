/** An application that stops reading stalls itself alone: memory stays bounded, other connections go on. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import type { LabProcess } from "../lab/lab-process.ts";
import { familyOf, readProcess } from "../lab/process-table.ts";
import { PORT } from "../lab/services.ts";
import { assertDownload, assertUpload } from "../lab/transfer.ts";
import { startTunnel, stopTunnel, wayTo } from "../lab/tunnel.ts";

const MIB = 1024 * 1024;
const STALLED = 4;
/** What each of the stalled would send if nobody held it back. */
const STALLED_BYTES = 256 * MIB;
/**
 * Growth allowed to either end, for windows, socket buffers and the collector's moods. Unbounded buffering
 * would take STALLED × STALLED_BYTES.
 */
const GROWTH_BYTES = 128 * MIB;

const lab = await createLab();
after(() => lab.close());

describe("with connections whose application does not read", () => {
  let tunnel: LabProcess;
  let agent: number;
  before(async () => {
    tunnel = await startTunnel(lab, { args: ["--method", "nft", "10.0.0.0/8"] });
    const node = familyOf(lab.sshd.pid).find(({ command }) => /\bnode\b/.test(command.split(" ")[0] ?? ""));
    agent = node?.pid ?? -1;
    // Both ends have reached their working size when the growth is measured.
    await assertDownload(lab.client, `http://10.1.2.3/stream?bytes=${128 * MIB}`, 128 * MIB);
    await assertUpload(lab.client, "http://10.1.2.3/sink", 128 * MIB);
  });
  after(() => stopTunnel(tunnel));

  function residentBytes(): { client: number; agent: number } {
    const [client, far] = [readProcess(tunnel.pid), readProcess(agent)];
    assert.ok(client !== undefined && far !== undefined, "both ends run");
    return { client: client.residentBytes, agent: far.residentBytes };
  }

  function assertBounded(start: { client: number; agent: number }): void {
    const now = residentBytes();
    for (const end of ["client", "agent"] as const) {
      const growth = now[end] - start[end];
      assert.ok(growth < GROWTH_BYTES, `the ${end} has grown by ${Math.round(growth / MIB)} MiB`);
    }
  }

  test("downloads that are not read are held back, and others go on", async () => {
    const start = residentBytes();
    for (let index = 0; index < STALLED; index += 1) {
      const send = `GET /stream?bytes=${STALLED_BYTES} HTTP/1.1\r\nhost: target\r\n\r\n`;
      const { error } = await lab.client.exchange({
        address: "10.1.2.3",
        port: PORT.http,
        send,
        read: false,
      });
      assert.equal(error, undefined);
    }
    await assertDownload(lab.client, `http://10.1.2.3/stream?bytes=${256 * MIB}`, 256 * MIB);
    assert.equal(await wayTo(lab.client, "10.1.2.3"), "tunnelled");
    assertBounded(start);
  });

  test("uploads that the target does not read are held back, and others go on", async () => {
    const start = residentBytes();
    const stalled = Array.from({ length: STALLED }, async () => {
      const request = { address: "10.1.2.3", port: PORT.neverReads, sendBytes: STALLED_BYTES, read: false };
      return (await lab.client.exchange({ ...request, timeoutMs: 5000 })).error;
    });
    await assertUpload(lab.client, "http://10.1.2.3/sink", 128 * MIB);
    assert.deepEqual(
      await Promise.all(stalled),
      Array.from({ length: STALLED }, () => "TIMEOUT"),
    );
    assert.equal(await wayTo(lab.client, "10.1.2.3"), "tunnelled");
    assertBounded(start);
  });
});
