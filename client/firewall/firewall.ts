/** What the client sees of the privileged side: one running set of rules, and the ways it can end. */
import type { FirewallError } from "./errors.ts";
import type { Endpoint, Plan } from "./plan.ts";
import type { Family } from "../subnet.ts";

/** Ways to capture that rules are made for; "auto" is a wish, not one of them. */
export const RULE_METHODS = ["nft", "nat"] as const;
export type RuleMethod = (typeof RULE_METHODS)[number];

export interface FirewallOptions {
  readonly method: RuleMethod | "auto";
  /** argv of the helper without its own arguments: the runtime, main.js, "firewall-helper". */
  readonly command: readonly string[];
}

/** A privileged helper that is ready. Whatever happens to this process, it undoes its rules. */
export interface Firewall {
  readonly method: RuleMethod;
  /** Families that this machine can capture; others cannot be in the plan. */
  readonly families: readonly Family[];
  /** Why this method; one line, for -v. */
  readonly reason: string;
  /** Each one line, to be shown to the user once. */
  readonly warnings: readonly string[];
  /**
   * Applies the rules in one transaction. Resolves when they are in force; nothing is left if it rejects.
   * @throws FirewallError "firewall-refused" if the kernel or iptables says no.
   */
  start(plan: Plan): Promise<void>;
  /** Replaces the plan's ownConnections without a moment in which any rule is missing. */
  update(ownConnections: readonly Endpoint[]): Promise<void>;
  /**
   * Undoes the rules and ends the helper. A second call gives the first one's result.
   * @throws FirewallError "firewall-left-something" if something could not be removed.
   */
  stop(): Promise<void>;
  /** Resolves when the helper has ended without being asked; never after stop(). Rules are gone or suspect. */
  readonly lost: Promise<FirewallError>;
}
