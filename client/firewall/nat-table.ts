/**
 * Leaves no trace in the nat table of iptables-nft.
 *
 * Its table and built-in chains come into being with the first rule and stay, empty, after the last; whoever
 * compares `nft list ruleset` before and after sees them. So an empty chain beside ours says what was not
 * there before: "sshuttle-made-OUTPUT", "sshuttle-made-nat". The last instance to go takes both away, and
 * so does a clean-up after a crash. iptables-legacy has no such objects, and nothing of this applies to it.
 */
import { instanceOfChain } from "./iptables.ts";
import { nftDeleteChain, nftDeleteTable } from "./nft.ts";
import type { NftObject, NftRequest } from "./nft.ts";
import { NFPROTO } from "./nft-expressions.ts";
import type { Family } from "../subnet.ts";

const TABLE = "nat";
const MARKER = "sshuttle-made-";

/** The markers to make together with the rules: for each thing that they will bring into being. */
export function natMarkers(
  objects: readonly NftObject[],
  family: Family,
  builtins: readonly string[],
): string[] {
  const present = natObjects(objects, family);
  const hasTable = present.some((object) => object.chain === undefined);
  const missing = builtins.filter((builtin) => !present.some((object) => object.chain === builtin));
  return [...(hasTable ? [] : [TABLE]), ...missing].map((name) => `${MARKER}${name}`);
}

/** The requests that take away what markers speak of and nobody uses; none while an instance is there. */
export function pruneNat(objects: readonly NftObject[], family: Family): NftRequest[] {
  const present = natObjects(objects, family);
  const chains = present.filter((object) => object.chain !== undefined);
  const markers = chains.filter((object) => object.chain?.startsWith(MARKER) === true);
  if (markers.length === 0 || chains.some(({ chain }) => instanceOfChain(chain ?? "") !== undefined)) {
    return [];
  }
  const made = new Set(markers.map(({ chain }) => chain?.slice(MARKER.length)));
  const doomed = chains.filter(
    (object) => markers.includes(object) || (made.has(object.chain) && object.isBase && object.uses === 0),
  );
  const table = present.find((object) => object.chain === undefined);
  const emptied = made.has(TABLE) && table !== undefined && table.uses === doomed.length;
  return [
    ...doomed.map(({ chain }) => nftDeleteChain(TABLE, chain ?? "", NFPROTO[family])),
    ...(emptied ? [nftDeleteTable(TABLE, NFPROTO[family])] : []),
  ];
}

function natObjects(objects: readonly NftObject[], family: Family): NftObject[] {
  return objects.filter((object) => object.family === NFPROTO[family] && object.table === TABLE);
}
