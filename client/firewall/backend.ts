import type { RuleMethod } from "./firewall.ts";
import type { Endpoint, Plan } from "./plan.ts";
import type { Family } from "../subnet.ts";

/** One method's rules in this machine's firewall. Each call is one transaction, a family at most. */
export interface Backend {
  readonly method: RuleMethod;
  readonly families: readonly Family[];
  readonly warnings: readonly string[];
  /** Leaves nothing behind if it rejects. */
  apply(plan: Plan): Promise<void>;
  update(ownConnections: readonly Endpoint[]): Promise<void>;
  /** Harmless if nothing was applied, or twice. */
  undo(): Promise<void>;
}
