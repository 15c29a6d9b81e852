import assert from "node:assert/strict";
import { test } from "node:test";
import { HOSTS, addressOf, wayOf } from "../../../lab/layout.ts";

test("no address is given twice", () => {
  const addresses = HOSTS.flatMap((host) =>
    HOSTS.filter((peer) => peer !== host).flatMap((peer) => {
      try {
        return Object.values(addressOf(host, peer));
      } catch {
        return [];
      }
    }),
  );
  assert.equal(addresses.length, 24);
  assert.equal(new Set(addresses).size, addresses.length);
});

test("addressOf() knows no cable between lan and target", () => {
  assert.throws(() => addressOf("lan", "target"), /Cannot find a cable between "lan" and "target"/);
});

test("wayOf() takes the server's address for the tunnel's, every other for direct", () => {
  assert.equal(wayOf(addressOf("server", "target").v4), "tunnelled");
  assert.equal(wayOf(addressOf("server", "target").v6), "tunnelled");
  assert.equal(wayOf(addressOf("client", "target").v4), "direct");
  assert.equal(wayOf(addressOf("client", "lan").v6), "direct");
});
