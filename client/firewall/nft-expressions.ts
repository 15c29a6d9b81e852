/**
 * Matches and verdicts as nf_tables expressions: small programs on 32-bit registers.
 *
 * A rule names its family and protocol again although its chain has seen to them: that is what lets `nft list`
 * say "ip daddr" and "tcp dport" instead of raw offsets.
 * Source: linux/netfilter/nf_tables.h; field offsets from RFC 791, 8200 and 9293.
 */
import { addressBytes } from "../subnet.ts";
import type { Family } from "../subnet.ts";
import { encodeText, encodeUint32, HOST_LITTLE_ENDIAN } from "./netlink.ts";
import type { Attribute } from "./netlink.ts";
import type { Endpoint } from "./plan.ts";
import { isReachedByRedirect } from "./rules.ts";
import type { ChainName, Match, Rule, Verdict } from "./rules.ts";

export const NFPROTO = { inet: 1, 4: 2, 6: 10 } as const;

const NFTA_LIST_ELEM = 1;
const NFTA_EXPR = { name: 1, data: 2 } as const;
const NFTA_DATA = { value: 1, verdict: 2 } as const;
const NFTA_VERDICT = { code: 1, chain: 2 } as const;
const VERDICT_CODE = { jump: -3, goto: -4, return: -5 } as const;
const REGISTER = { verdict: 0, first: 1, second: 2 } as const;
const META_KEY = { nfproto: 15, l4proto: 16 } as const;
const COMPARE = { equal: 0, lessOrEqual: 3, greaterOrEqual: 5 } as const;
const PAYLOAD_BASE = { network: 1, transport: 2 } as const;
const FIB_RESULT_ADDRTYPE = 3;
const FIB_FLAG_DADDR = 2;
const RTN_LOCAL = 2;
const NF_NAT_DNAT = 1;
const NF_NAT_RANGE_PROTO_SPECIFIED = 2;

const IPPROTO_TCP = 6;
const DESTINATION = { 4: { offset: 16, bytes: 4 }, 6: { offset: 24, bytes: 16 } } as const;
const TCP_DESTINATION_PORT = { offset: 2, bytes: 2 } as const;
const TCP_FLAGS = { offset: 13, bytes: 1 } as const;
const TCP_FIN_SYN_RST_ACK = 0x01 | 0x02 | 0x04 | 0x10;
const TCP_SYN = 0x02;

/** Made once: nearly every rule has both. */
const MATCH_FAMILY: Readonly<Record<Family, readonly Attribute[]>> = {
  4: [loadMeta(META_KEY.nfproto), compare(COMPARE.equal, Uint8Array.of(NFPROTO[4]))],
  6: [loadMeta(META_KEY.nfproto), compare(COMPARE.equal, Uint8Array.of(NFPROTO[6]))],
};
const MATCH_TCP: readonly Attribute[] = [
  loadMeta(META_KEY.l4proto),
  compare(COMPARE.equal, Uint8Array.of(IPPROTO_TCP)),
];

/** A chain's name within the table, which holds both families. */
export function nftChainName(family: Family, chain: ChainName): string {
  return `${chain}${family}`;
}

/** The expressions of one rule, as the value of NFTA_RULE_EXPRESSIONS. */
export function encodeRule(family: Family, rule: Rule): Attribute[] {
  return [...encodeMatch(family, rule), ...encodeVerdict(family, rule.verdict)];
}

/** The expressions of a base chain's one rule: the first packet of a TCP connection goes to "own". */
export function encodeEntryRule(family: Family): Attribute[] {
  return [
    ...MATCH_FAMILY[family],
    ...MATCH_TCP,
    loadPayload(PAYLOAD_BASE.transport, TCP_FLAGS),
    mask(Uint8Array.of(TCP_FIN_SYN_RST_ACK)),
    compare(COMPARE.equal, Uint8Array.of(TCP_SYN)),
    jumpTo("jump", family, "own"),
  ];
}

function encodeMatch(family: Family, { match, verdict }: Rule): Attribute[] {
  const needsTcp = match.ports !== undefined || verdict.kind === "capture";
  const matchesFamily = match.destination !== undefined || verdict.kind === "capture";
  return [
    ...(matchesFamily ? MATCH_FAMILY[family] : []),
    ...(match.local === true ? matchLocal() : []),
    ...matchDestination(family, match),
    ...(needsTcp ? MATCH_TCP : []),
    ...matchPorts(match),
  ];
}

function matchLocal(): Attribute[] {
  const type = new Uint8Array(4);
  new DataView(type.buffer).setUint32(0, RTN_LOCAL, HOST_LITTLE_ENDIAN);
  return [
    expression("fib", [
      { type: 1, value: encodeUint32(REGISTER.first) },
      { type: 2, value: encodeUint32(FIB_RESULT_ADDRTYPE) },
      { type: 3, value: encodeUint32(FIB_FLAG_DADDR) },
    ]),
    compare(COMPARE.equal, type),
  ];
}

function matchDestination(family: Family, { destination }: Match): Attribute[] {
  if (destination === undefined) return [];
  const field = DESTINATION[family];
  const whole = destination.prefix === field.bytes * 8;
  return [
    loadPayload(PAYLOAD_BASE.network, field),
    ...(whole ? [] : [mask(prefixMask(field.bytes, destination.prefix))]),
    compare(COMPARE.equal, addressBytes(family, destination.address)),
  ];
}

function prefixMask(bytes: number, prefix: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => {
    const ones = Math.min(8, Math.max(0, prefix - index * 8));
    return 0xff00 >> ones;
  });
}

function matchPorts({ ports }: Match): Attribute[] {
  if (ports === undefined) return [];
  const load = loadPayload(PAYLOAD_BASE.transport, TCP_DESTINATION_PORT);
  if (ports.first === ports.last) return [load, compare(COMPARE.equal, portBytes(ports.first))];
  return [
    load,
    compare(COMPARE.greaterOrEqual, portBytes(ports.first)),
    compare(COMPARE.lessOrEqual, portBytes(ports.last)),
  ];
}

function encodeVerdict(family: Family, verdict: Verdict): Attribute[] {
  switch (verdict.kind) {
    case "return":
      return [immediateVerdict([{ type: NFTA_VERDICT.code, value: encodeUint32(VERDICT_CODE.return) }])];
    case "goto":
      return [jumpTo("goto", family, verdict.chain)];
    case "capture":
      return captureExpressions(verdict.listener);
  }
}

function jumpTo(kind: "jump" | "goto", family: Family, chain: ChainName): Attribute {
  return immediateVerdict([
    { type: NFTA_VERDICT.code, value: encodeUint32(VERDICT_CODE[kind]) },
    { type: NFTA_VERDICT.chain, value: encodeText(nftChainName(family, chain)) },
  ]);
}

function captureExpressions(listener: Endpoint): Attribute[] {
  if (isReachedByRedirect(listener)) {
    return [
      immediateValue(REGISTER.first, portBytes(listener.port)),
      expression("redir", [
        { type: 1, value: encodeUint32(REGISTER.first) },
        { type: 3, value: encodeUint32(NF_NAT_RANGE_PROTO_SPECIFIED) },
      ]),
    ];
  }
  return [
    immediateValue(REGISTER.first, addressBytes(listener.family, listener.address)),
    immediateValue(REGISTER.second, portBytes(listener.port)),
    expression("nat", [
      { type: 1, value: encodeUint32(NF_NAT_DNAT) },
      { type: 2, value: encodeUint32(NFPROTO[listener.family]) },
      { type: 3, value: encodeUint32(REGISTER.first) },
      { type: 5, value: encodeUint32(REGISTER.second) },
    ]),
  ];
}

function loadMeta(key: number): Attribute {
  return expression("meta", [
    { type: 2, value: encodeUint32(key) },
    { type: 1, value: encodeUint32(REGISTER.first) },
  ]);
}

function loadPayload(base: number, field: { readonly offset: number; readonly bytes: number }): Attribute {
  return expression("payload", [
    { type: 1, value: encodeUint32(REGISTER.first) },
    { type: 2, value: encodeUint32(base) },
    { type: 3, value: encodeUint32(field.offset) },
    { type: 4, value: encodeUint32(field.bytes) },
  ]);
}

function mask(bits: Uint8Array): Attribute {
  return expression("bitwise", [
    { type: 1, value: encodeUint32(REGISTER.first) },
    { type: 2, value: encodeUint32(REGISTER.first) },
    { type: 3, value: encodeUint32(bits.length) },
    { type: 4, value: [{ type: NFTA_DATA.value, value: bits }] },
    { type: 5, value: [{ type: NFTA_DATA.value, value: new Uint8Array(bits.length) }] },
  ]);
}

function compare(operator: number, value: Uint8Array): Attribute {
  return expression("cmp", [
    { type: 1, value: encodeUint32(REGISTER.first) },
    { type: 2, value: encodeUint32(operator) },
    { type: 3, value: [{ type: NFTA_DATA.value, value }] },
  ]);
}

function immediateValue(register: number, value: Uint8Array): Attribute {
  return expression("immediate", [
    { type: 1, value: encodeUint32(register) },
    { type: 2, value: [{ type: NFTA_DATA.value, value }] },
  ]);
}

function immediateVerdict(verdict: readonly Attribute[]): Attribute {
  return expression("immediate", [
    { type: 1, value: encodeUint32(REGISTER.verdict) },
    { type: 2, value: [{ type: NFTA_DATA.verdict, value: verdict }] },
  ]);
}

function expression(name: string, data: readonly Attribute[]): Attribute {
  return {
    type: NFTA_LIST_ELEM,
    value: [
      { type: NFTA_EXPR.name, value: encodeText(name) },
      { type: NFTA_EXPR.data, value: data },
    ],
  };
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}
