/**
 * What shall be captured, as data: the one input of every method.
 *
 * The decision about a packet, which each method's rules must reproduce (docs/capture.md has the reasons):
 *
 *   1. Only the first packet of a TCP connection (SYN of FIN, SYN, RST, ACK) is looked at.
 *   2. Our own connections (the ssh process's peers) and the listener itself go direct.
 *   3. A special destination, which is an address of this machine, loopback, link-local, multicast or
 *      broadcast, is captured only by an include that names it: a single address, or a prefix inside a
 *      special block. 0/0 and 10.0.0.0/8 never mean this machine. Excludes hold for it as for any other.
 *   4. The first matching rule decides: narrower port range first, then longer prefix, then exclude before
 *      include. The order in which the user wrote them means nothing.
 *   5. No rule: direct.
 */
import { networkAddress } from "../subnet.ts";
import type { Family, Subnet } from "../subnet.ts";

/** An address and a port of this machine or of a peer. */
export interface Endpoint {
  readonly family: Family;
  readonly address: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** Whose connections are captured: this machine's, those that others route through it, or both. */
export const SOURCES = ["local", "forwarded", "both"] as const;
export type Sources = (typeof SOURCES)[number];

export interface Plan {
  /** Where captured connections arrive, at most one of a family. A family without one is left alone. */
  readonly listeners: readonly Endpoint[];
  readonly includes: readonly Subnet[];
  readonly excludes: readonly Subnet[];
  /** Peers that must never be captured: what ssh is connected to. Replaced as a whole by an update. */
  readonly ownConnections: readonly Endpoint[];
  readonly sources: Sources;
}

/** One line of the decision: what it matches and where that goes. */
export interface SubnetRule extends Subnet {
  readonly action: "capture" | "direct";
}

/** Destinations that a wide include never means. Source: IANA special-purpose registries, RFC 6890. */
export const SPECIAL_BLOCKS: readonly Subnet[] = [
  { family: 4, address: "127.0.0.0", prefix: 8 },
  { family: 4, address: "169.254.0.0", prefix: 16 },
  { family: 4, address: "224.0.0.0", prefix: 4 },
  { family: 4, address: "255.255.255.255", prefix: 32 },
  { family: 6, address: "::1", prefix: 128 },
  { family: 6, address: "fe80::", prefix: 10 },
  { family: 6, address: "ff00::", prefix: 8 },
];

const PORT_COUNT = 65_535;

/** The families that rules are needed for: those with a listener and something to capture. */
export function activeFamilies(plan: Plan): Family[] {
  return ([4, 6] as const).filter(
    (family) =>
      plan.listeners.some((listener) => listener.family === family) &&
      plan.includes.some((subnet) => subnet.family === family),
  );
}

/** The listener of a family. */
export function listenerOf(plan: Plan, family: Family): Endpoint | undefined {
  return plan.listeners.find((listener) => listener.family === family);
}

/** Includes and excludes of one family in the order in which they decide, host bits cleared, each once. */
export function orderedRules(plan: Plan, family: Family): SubnetRule[] {
  const rules = [
    ...plan.excludes.map((subnet) => makeRule(subnet, "direct")),
    ...plan.includes.map((subnet) => makeRule(subnet, "capture")),
  ].filter((rule) => rule.family === family);
  // The sort is stable, so excludes stay before includes on a tie.
  const sorted = rules.toSorted((a, b) => portCount(a) - portCount(b) || b.prefix - a.prefix);
  const seen = new Set<string>();
  return sorted.filter((rule) => {
    const key = `${rule.address}/${rule.prefix}:${rule.ports?.first ?? 0}-${rule.ports?.last ?? 0}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Whether a rule may decide about a special destination: every exclude, and an include that names it. */
export function holdsForSpecial(rule: SubnetRule): boolean {
  if (rule.action === "direct" || rule.prefix === (rule.family === 4 ? 32 : 128)) return true;
  return SPECIAL_BLOCKS.some(
    (block) =>
      block.family === rule.family &&
      block.prefix <= rule.prefix &&
      networkAddress(rule.family, rule.address, block.prefix) === block.address,
  );
}

function makeRule(subnet: Subnet, action: SubnetRule["action"]): SubnetRule {
  return { ...subnet, address: networkAddress(subnet.family, subnet.address, subnet.prefix), action };
}

function portCount(rule: SubnetRule): number {
  return rule.ports === undefined ? PORT_COUNT : rule.ports.last - rule.ports.first + 1;
}
