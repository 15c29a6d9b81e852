/** How connections end: each half on its own, refused, reset, unreachable; and that none of them looks like another. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import { PATIENCE_MS, eventually } from "../lab/lab-process.ts";
import type { LabProcess } from "../lab/lab-process.ts";
import { ENDS_FIRST_BYTES, PORT } from "../lab/services.ts";
import { streamSha256 } from "../lab/stream.ts";
import { CAPTURE_METHODS, startTunnel, stopTunnel } from "../lab/tunnel.ts";

const DESTINATIONS = { IPv4: "10.1.2.3", IPv6: "2001:db8:f000::3" } as const;
/** Networks that the server has no route to. */
const UNREACHABLE = { IPv4: "10.66.0.1", IPv6: "2001:db8:f066::1" } as const;

const lab = await createLab();
after(() => lab.close());
await lab.server.shell(
  "ip route add unreachable 10.66.0.0/16; ip -6 route add unreachable 2001:db8:f066::/48",
);

for (const method of CAPTURE_METHODS) {
  describe(`through ${method}`, () => {
    let tunnel: LabProcess;
    before(async () => {
      tunnel = await startTunnel(lab, { args: ["--method", method, "10.0.0.0/8", "2001:db8:f000::/36"] });
    });
    after(() => stopTunnel(tunnel));

    for (const [family, address] of Object.entries(DESTINATIONS)) {
      test(`nc -N ends its half, and the answer still comes (${family})`, async () => {
        const nc = ["nc.openbsd", "-N", address, String(PORT.answersAtEnd)] as const;
        const { code, stdout } = await lab.client.run([...nc], { input: "x".repeat(100_000) });
        assert.equal(code, 0);
        assert.equal((JSON.parse(stdout) as { bytes: number }).bytes, 100_000);
      });

      test(`the target ends its half, and nc still sends (${family})`, async () => {
        const nc = lab.client.start(["nc.openbsd", "-N", address, String(PORT.endsFirst)], {
          rawStdout: true,
        });
        let received = 0;
        nc.stdoutStream.on("data", (chunk: Buffer) => (received += chunk.length));
        await eventually("all of the target's half", () =>
          received === ENDS_FIRST_BYTES ? true : undefined,
        );
        const unique = 60_000 + (address.length % 10) + CAPTURE_METHODS.indexOf(method);
        nc.stdin.end("y".repeat(unique));
        await lab.targetProgram.output(new RegExp(`endsFirst \\{"bytes":${unique},`));
        assert.equal((await nc.end()).code, 0);
      });

      test(`what the target sends before it ends its half arrives whole (${family})`, async () => {
        const { sha256, error } = await lab.client.exchange({ address, port: PORT.endsFirst });
        assert.equal(error, undefined);
        assert.equal(sha256, streamSha256(ENDS_FIRST_BYTES));
      });

      test(`a refused connection is reset, and never an empty success (${family})`, async () => {
        const result = await lab.client.exchange({ address, port: PORT.refused });
        assert.match(result.error ?? "success", /^(?:ECONNRESET|ECONNREFUSED)$/);
        const host = family === "IPv6" ? `[${address}]` : address;
        const curl = await lab.client.run(["curl", "-sS", `http://${host}:${PORT.refused}/`]);
        assert.notEqual(curl.code, 0);
      });

      test(`a connection that the target resets is reset (${family})`, async () => {
        const { error } = await lab.client.exchange({ address, port: PORT.resets });
        assert.equal(error, "ECONNRESET");
      });
    }

    for (const [family, address] of Object.entries(UNREACHABLE)) {
      test(`a destination that the server cannot reach is reset (${family})`, async () => {
        const { error } = await lab.client.exchange({ address, port: PORT.echo, timeoutMs: PATIENCE_MS });
        assert.equal(error, "ECONNRESET");
      });
    }

    test("a connect that hangs on the far side is no success here", async () => {
      const { error, bytes } = await lab.client.exchange({
        address: DESTINATIONS.IPv4,
        port: PORT.blackHole,
        timeoutMs: 500,
      });
      assert.deepEqual([error, bytes], ["TIMEOUT", 0]);
    });
  });
}
