/**
 * A plan as nf_tables requests: pure data, which nft-socket.ts sends as one transaction.
 *
 * Everything is in one table of our own, of family inet, so that undoing is deleting it. The table is owned
 * by the socket that made it: nobody else can change it, and it goes when the socket does, whatever way the
 * process ends. Source: NFT_TABLE_F_OWNER, Linux 5.12 (commit 6001a930ce03).
 */
import type { Family } from "../subnet.ts";
import { encodeEntryRule, encodeRule, nftChainName, NFPROTO } from "./nft-expressions.ts";
import {
  decodeAttributes,
  decodeText,
  decodeUint32,
  encodeAttributes,
  encodeText,
  encodeUint32,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
} from "./netlink.ts";
import type { Attribute, Message } from "./netlink.ts";
import { activeFamilies } from "./plan.ts";
import type { Endpoint, Plan, Sources } from "./plan.ts";
import { compileRules, ownRules } from "./rules.ts";
import type { ChainName, Rule } from "./rules.ts";

/** One request of a batch, or of a dump; the socket adds numbers and frames. */
export interface NftRequest {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

export interface NftTable {
  readonly name: string;
  /** Whether the table goes with the socket that made it. */
  readonly owned: boolean;
}

/** A table or chain that the kernel has told of. */
export interface NftObject {
  readonly family: number;
  readonly table: string;
  /** Absent for a table. */
  readonly chain?: string;
  readonly isBase: boolean;
  /** Rules and references in a chain; chains, sets and objects in a table. */
  readonly uses: number;
}

const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG = {
  newTable: messageType(0),
  getTable: messageType(1),
  deleteTable: messageType(2),
  newChain: messageType(3),
  getChain: messageType(4),
  deleteChain: messageType(5),
  newRule: messageType(6),
  deleteRule: messageType(8),
  getGeneration: messageType(16),
} as const;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFNL_BATCH_GENID = 1;

const NFTA_TABLE = { name: 1, flags: 2, use: 3 } as const;
const NFTA_CHAIN = { table: 1, name: 3, hook: 4, policy: 5, use: 6, type: 7 } as const;
const NFTA_HOOK = { number: 1, priority: 2 } as const;
const NFTA_RULE = { table: 1, chain: 2, expressions: 4 } as const;
const NFTA_GEN_ID = 1;
const NFT_TABLE_F_OWNER = 0x2;
const NF_ACCEPT = 1;

/** Hooks of the two base chains. Source: linux/netfilter.h. */
export const BASE_CHAINS = { output: 3, prerouting: 0 } as const;
export type BaseChain = keyof typeof BASE_CHAINS;
/**
 * One before dstnat (-100), where the machine's own port forwards are: who starts a tunnel means the subnets
 * given, whatever else was registered before or is later. Addresses of this machine are not ours to begin with.
 */
export const BASE_PRIORITY = -101;

const CHAINS_FOR: Readonly<Record<Sources, readonly BaseChain[]>> = {
  local: ["output"],
  forwarded: ["prerouting"],
  both: ["output", "prerouting"],
};

/** The base chains that a plan needs. */
export function baseChainsOf(plan: Plan): readonly BaseChain[] {
  return CHAINS_FOR[plan.sources];
}

/** Requests that make the table with everything in it. They fail if a table of that name exists. */
export function nftApply(plan: Plan, table: NftTable): NftRequest[] {
  const families = activeFamilies(plan);
  const chains = families.flatMap((family) => compileRules(plan, family).map((chain) => ({ family, chain })));
  return [
    newTable(table),
    ...chains.map(({ family, chain }) => newChain(table.name, nftChainName(family, chain.name))),
    ...chains.flatMap(({ family, chain }) => newRules(table.name, family, chain.name, chain.rules)),
    ...baseChainsOf(plan).flatMap((base) => [
      newBaseChain(table.name, base),
      ...families.map((family) => newRule(table.name, base, encodeEntryRule(family))),
    ]),
  ];
}

/** Requests that replace the rules for our own connections and touch no other. */
export function nftUpdate(
  families: readonly Family[],
  own: readonly Endpoint[],
  table: string,
): NftRequest[] {
  return families.flatMap((family) => [
    request(NFT_MSG.deleteRule, 0, NFPROTO.inet, [
      { type: NFTA_RULE.table, value: encodeText(table) },
      { type: NFTA_RULE.chain, value: encodeText(nftChainName(family, "own")) },
    ]),
    ...newRules(table, family, "own", ownRules(own, family)),
  ]);
}

export function nftDeleteTable(table: string, family: number = NFPROTO.inet): NftRequest {
  return request(NFT_MSG.deleteTable, 0, family, [{ type: NFTA_TABLE.name, value: encodeText(table) }]);
}

/** The kernel refuses (EBUSY) if the chain holds a rule. */
export function nftDeleteChain(table: string, chain: string, family: number): NftRequest {
  return request(NFT_MSG.deleteChain, 0, family, [
    { type: NFTA_CHAIN.table, value: encodeText(table) },
    { type: NFTA_CHAIN.name, value: encodeText(chain) },
  ]);
}

/** Asks for every table or every chain of a family; 0 is every family. */
export function nftDump(what: "tables" | "chains", family: number): NftRequest {
  return request(what === "tables" ? NFT_MSG.getTable : NFT_MSG.getChain, 0, family, []);
}

export function nftGetGeneration(): NftRequest {
  return request(NFT_MSG.getGeneration, 0, 0, []);
}

/** Frames of a batch. With a generation the kernel refuses (ERESTART) if anything has changed since. */
export function batchBegin(generation?: number): NftRequest {
  const attributes =
    generation === undefined ? [] : [{ type: NFNL_BATCH_GENID, value: encodeUint32(generation) }];
  return {
    ...request(NFNL_MSG_BATCH_BEGIN, 0, 0, attributes, NFNL_SUBSYS_NFTABLES),
    type: NFNL_MSG_BATCH_BEGIN,
  };
}

export function batchEnd(): NftRequest {
  return request(NFNL_MSG_BATCH_END, 0, 0, [], NFNL_SUBSYS_NFTABLES);
}

/** Reads a message of a dump. Undefined if it is neither a table nor a chain. */
export function decodeNftObject(message: Message): NftObject | undefined {
  const family = message.payload[0] ?? 0;
  const attributes = decodeAttributes(message.payload.subarray(4));
  const text = (type: number): string => decodeText(attributes.get(type) ?? new Uint8Array(0));
  if (message.type === NFT_MSG.newTable) {
    return {
      family,
      table: text(NFTA_TABLE.name),
      isBase: false,
      uses: decodeUint32(attributes.get(NFTA_TABLE.use)),
    };
  }
  if (message.type !== NFT_MSG.newChain) return undefined;
  return {
    family,
    table: text(NFTA_CHAIN.table),
    chain: text(NFTA_CHAIN.name),
    isBase: attributes.has(NFTA_CHAIN.hook),
    uses: decodeUint32(attributes.get(NFTA_CHAIN.use)),
  };
}

/** The generation of the whole rule set, from the answer to nftGetGeneration(). */
export function decodeGeneration(message: Message): number {
  return decodeUint32(decodeAttributes(message.payload.subarray(4)).get(NFTA_GEN_ID));
}

function newTable({ name, owned }: NftTable): NftRequest {
  return request(NFT_MSG.newTable, NLM_F_CREATE | NLM_F_EXCL, NFPROTO.inet, [
    { type: NFTA_TABLE.name, value: encodeText(name) },
    { type: NFTA_TABLE.flags, value: encodeUint32(owned ? NFT_TABLE_F_OWNER : 0) },
  ]);
}

function newChain(table: string, name: string): NftRequest {
  return request(NFT_MSG.newChain, NLM_F_CREATE, NFPROTO.inet, [
    { type: NFTA_CHAIN.table, value: encodeText(table) },
    { type: NFTA_CHAIN.name, value: encodeText(name) },
  ]);
}

function newBaseChain(table: string, name: BaseChain): NftRequest {
  return request(NFT_MSG.newChain, NLM_F_CREATE, NFPROTO.inet, [
    { type: NFTA_CHAIN.table, value: encodeText(table) },
    { type: NFTA_CHAIN.name, value: encodeText(name) },
    {
      type: NFTA_CHAIN.hook,
      value: [
        { type: NFTA_HOOK.number, value: encodeUint32(BASE_CHAINS[name]) },
        { type: NFTA_HOOK.priority, value: encodeUint32(BASE_PRIORITY) },
      ],
    },
    { type: NFTA_CHAIN.policy, value: encodeUint32(NF_ACCEPT) },
    { type: NFTA_CHAIN.type, value: encodeText("nat") },
  ]);
}

function newRules(table: string, family: Family, chain: ChainName, rules: readonly Rule[]): NftRequest[] {
  return rules.map((rule) => newRule(table, nftChainName(family, chain), encodeRule(family, rule)));
}

function newRule(table: string, chain: string, expressions: readonly Attribute[]): NftRequest {
  return request(NFT_MSG.newRule, NLM_F_CREATE | NLM_F_APPEND, NFPROTO.inet, [
    { type: NFTA_RULE.table, value: encodeText(table) },
    { type: NFTA_RULE.chain, value: encodeText(chain) },
    { type: NFTA_RULE.expressions, value: expressions },
  ]);
}

/**
 * A request with nfnetlink's header before its attributes.
 *
 *   0: 1  family     1: 1  version (0)     2: 2  resource id, big-endian     4: …  attributes
 */
function request(
  type: number,
  flags: number,
  family: number,
  attributes: readonly Attribute[],
  resource = 0,
): NftRequest {
  const encoded = encodeAttributes(attributes);
  const payload = new Uint8Array(4 + encoded.length);
  payload.set([family, 0, resource >> 8, resource & 0xff]);
  payload.set(encoded, 4);
  return { type, flags, payload };
}

function messageType(message: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | message;
}
