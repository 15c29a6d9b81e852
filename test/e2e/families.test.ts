/** A machine that has only one address family. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import { CAPTURE_METHODS, wayTo, withTunnel } from "../lab/tunnel.ts";

const lab = await createLab({ direct: true });
after(() => lab.close());

describe("on a machine without IPv6", () => {
  test("IPv4 is captured all the same, and one line says what is not", async () => {
    await lab.client.shell("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.lo.disable_ipv6=1");
    for (const method of CAPTURE_METHODS) {
      await withTunnel(lab, { args: ["--method", method, "0/0", "::/0"] }, async (tunnel) => {
        assert.equal(await wayTo(lab.client, "10.1.2.3"), "tunnelled");
        const lines = tunnel.said.split("\n").filter((line) => line.includes("IPv6"));
        assert.equal(lines.length, 1, tunnel.said);
        assert.match(lines[0] ?? "", /IPv6 subnets are not captured: this machine cannot do it/);
      });
    }
  });
});
