import assert from "node:assert/strict";
import { test } from "node:test";
import { natMarkers, pruneNat } from "../../../../client/firewall/nat-table.ts";
import { nftDeleteChain, nftDeleteTable } from "../../../../client/firewall/nft.ts";
import type { NftObject } from "../../../../client/firewall/nft.ts";

const IPV4 = 2;
const table = (uses: number): NftObject => ({ family: IPV4, table: "nat", isBase: false, uses });
const chain = (name: string, uses = 0, isBase = false): NftObject => ({
  family: IPV4,
  table: "nat",
  chain: name,
  isBase,
  uses,
});

test("natMarkers() marks what is not there yet", () => {
  assert.deepEqual(natMarkers([], 4, ["OUTPUT"]), ["sshuttle-made-nat", "sshuttle-made-OUTPUT"]);
  assert.deepEqual(natMarkers([table(1), chain("OUTPUT", 1, true)], 4, ["OUTPUT", "PREROUTING"]), [
    "sshuttle-made-PREROUTING",
  ]);
  assert.deepEqual(natMarkers([table(1), chain("OUTPUT", 1, true)], 4, ["OUTPUT"]), []);
  assert.deepEqual(natMarkers([table(1), chain("OUTPUT", 1, true)], 6, ["OUTPUT"]).length, 2);
});

test("pruneNat() removes markers, marked chains that are empty, and a marked table that is then empty", () => {
  const objects = [
    table(3),
    chain("sshuttle-made-nat"),
    chain("sshuttle-made-OUTPUT"),
    chain("OUTPUT", 0, true),
  ];
  assert.deepEqual(pruneNat(objects, 4), [
    nftDeleteChain("nat", "sshuttle-made-nat", IPV4),
    nftDeleteChain("nat", "sshuttle-made-OUTPUT", IPV4),
    nftDeleteChain("nat", "OUTPUT", IPV4),
    nftDeleteTable("nat", IPV4),
  ]);
});

test("pruneNat() keeps what someone else has put rules or chains into", () => {
  const used = [
    table(3),
    chain("sshuttle-made-nat"),
    chain("sshuttle-made-OUTPUT"),
    chain("OUTPUT", 1, true),
  ];
  assert.deepEqual(pruneNat(used, 4), [
    nftDeleteChain("nat", "sshuttle-made-nat", IPV4),
    nftDeleteChain("nat", "sshuttle-made-OUTPUT", IPV4),
  ]);
  const foreign = [table(2), chain("sshuttle-made-nat"), chain("DOCKER")];
  assert.deepEqual(pruneNat(foreign, 4), [nftDeleteChain("nat", "sshuttle-made-nat", IPV4)]);
});

test("pruneNat() keeps everything while an instance is there, and touches nothing without a marker", () => {
  const living = [table(2), chain("sshuttle-made-nat"), chain("sshuttle-cvh-53cq-il9juk-c", 1)];
  assert.deepEqual(pruneNat(living, 4), []);
  assert.deepEqual(pruneNat([table(1), chain("OUTPUT", 0, true)], 4), []);
});
