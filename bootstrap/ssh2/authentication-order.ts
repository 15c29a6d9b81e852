/**
 * What is tried next to log in: a state machine without I/O.
 * Source: RFC 4252; userauth() and input_userauth_failure() in sshconnect2.c of OpenSSH 9.2.
 *
 * The methods are gone through in the order of preference as far as the server names them, each until it has
 * nothing left. A partial success opens those again that had been passed: the server now asks for another one.
 */
import type { AuthenticationMethod } from "./host-settings.ts";

export type AuthenticationStep =
  /** Asks the server which methods there are. */
  | { readonly kind: "none" }
  /** `index` of the identities. */
  | { readonly kind: "publickey"; readonly index: number }
  | { readonly kind: "keyboard-interactive" | "password"; readonly attempt: number }
  | { readonly kind: "exhausted" };

export interface AuthenticationPlan {
  readonly methods: readonly AuthenticationMethod[];
  readonly identityCount: number;
  /** NumberOfPasswordPrompts, for each of the two methods that ask. */
  readonly prompts: number;
  /** Whether there is anybody to ask. */
  readonly canAsk: boolean;
}

export class AuthenticationOrder {
  private readonly plan: AuthenticationPlan;
  private nextIdentity = 0;
  private readonly accepted = new Set<number>();
  private readonly attempts = { "keyboard-interactive": 0, password: 0 };
  private readonly closed = new Set<AuthenticationMethod>();
  private current: AuthenticationStep = { kind: "none" };

  constructor(plan: AuthenticationPlan) {
    this.plan = plan;
  }

  /**
   * After a refusal: the methods that the server goes on with, and whether the last step was accepted as a part.
   * Undefined before the first.
   */
  next(
    refusal: { readonly methods: readonly string[]; readonly partial: boolean } | undefined,
  ): AuthenticationStep {
    this.current = refusal === undefined ? { kind: "none" } : this.choose(refusal.methods, refusal.partial);
    return this.current;
  }

  /** The method is of no more use: the user gave no answer, or the server asked nothing. */
  close(method: AuthenticationMethod): void {
    this.closed.add(method);
  }

  private choose(offered: readonly string[], partial: boolean): AuthenticationStep {
    if (partial) {
      // The key that was a part is no second one.
      if (this.current.kind === "publickey") this.accepted.add(this.current.index);
      this.nextIdentity = 0;
    }
    for (const method of this.plan.methods) {
      if (!offered.includes(method) || this.closed.has(method)) continue;
      const step = method === "publickey" ? this.publicKey() : this.asking(method);
      if (step !== undefined) return step;
    }
    return { kind: "exhausted" };
  }

  private publicKey(): AuthenticationStep | undefined {
    while (this.accepted.has(this.nextIdentity)) this.nextIdentity++;
    if (this.nextIdentity >= this.plan.identityCount) return undefined;
    return { kind: "publickey", index: this.nextIdentity++ };
  }

  private asking(method: "keyboard-interactive" | "password"): AuthenticationStep | undefined {
    if (!this.plan.canAsk || this.attempts[method] >= this.plan.prompts) return undefined;
    return { kind: method, attempt: ++this.attempts[method] };
  }
}
