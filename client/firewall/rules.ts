/**
 * A plan as chains of rules that no tool has been chosen for yet: nft.ts and iptables.ts spell the same ones.
 *
 * Each family has three chains. "own" is where the first packet of a TCP connection enters: what it exempts
 * returns from there, the rest goes on to "capture" and, if its destination is special, to "special", where
 * only those rules are that name it. Going on is a goto, so that a return from any of them leaves all three.
 * "own" is a chain by itself so that an update replaces its rules and nothing else.
 */
import { holdsForSpecial, listenerOf, orderedRules, SPECIAL_BLOCKS } from "./plan.ts";
import type { Endpoint, Plan, SubnetRule } from "./plan.ts";
import type { Family, PortRange } from "../subnet.ts";

export const CHAIN_NAMES = ["special", "capture", "own"] as const;
export type ChainName = (typeof CHAIN_NAMES)[number];

/** What a packet must be; all that are given must hold. The packet is already TCP of the chain's family. */
export interface Match {
  /** Address and prefix length of the destination. */
  readonly destination?: { readonly address: string; readonly prefix: number };
  readonly ports?: PortRange;
  /** The destination is an address of this machine. */
  readonly local?: true;
}

export type Verdict =
  | { readonly kind: "return" }
  | { readonly kind: "goto"; readonly chain: ChainName }
  | { readonly kind: "capture"; readonly listener: Endpoint };

export interface Rule {
  readonly match: Match;
  readonly verdict: Verdict;
}

export interface Chain {
  readonly name: ChainName;
  readonly rules: readonly Rule[];
}

const RETURN: Verdict = { kind: "return" };
const TO_SPECIAL: Verdict = { kind: "goto", chain: "special" };

/** The chains of a family, each after those that it refers to; none if the family has no listener. */
export function compileRules(plan: Plan, family: Family): Chain[] {
  const listener = listenerOf(plan, family);
  if (listener === undefined) return [];
  const rules = orderedRules(plan, family);
  const decide = (rule: SubnetRule): Rule => subnetRule(rule, listener);
  return [
    { name: "special", rules: rules.filter(holdsForSpecial).map(decide) },
    {
      name: "capture",
      rules: [
        {
          match: { local: true, ports: { first: listener.port, last: listener.port } },
          verdict: RETURN,
        },
        { match: { local: true }, verdict: TO_SPECIAL },
        ...SPECIAL_BLOCKS.filter((block) => block.family === family).map((block): Rule => ({
          match: { destination: block },
          verdict: TO_SPECIAL,
        })),
        ...rules.map(decide),
      ],
    },
    { name: "own", rules: ownRules(plan.ownConnections, family) },
  ];
}

/** The rules of chain "own" for one family. */
export function ownRules(ownConnections: readonly Endpoint[], family: Family): Rule[] {
  const exempt = ownConnections
    .filter((peer) => peer.family === family)
    .map((peer): Rule => ({
      match: {
        destination: { address: peer.address, prefix: family === 4 ? 32 : 128 },
        ports: { first: peer.port, last: peer.port },
      },
      verdict: RETURN,
    }));
  return [...exempt, { match: {}, verdict: { kind: "goto", chain: "capture" } }];
}

/**
 * Whether a redirect reaches the listener: it leads to 127.0.0.1 or ::1 for connections of this machine, to
 * the incoming interface's first address for others. A listener anywhere else is reached by its address.
 */
export function isReachedByRedirect(listener: Endpoint): boolean {
  return ["0.0.0.0", "::", "127.0.0.1", "::1"].includes(listener.address);
}

function subnetRule(rule: SubnetRule, listener: Endpoint): Rule {
  return {
    match: {
      ...(rule.prefix === 0 ? {} : { destination: { address: rule.address, prefix: rule.prefix } }),
      ...(rule.ports === undefined ? {} : { ports: rule.ports }),
    },
    verdict: rule.action === "capture" ? { kind: "capture", listener } : RETURN,
  };
}
