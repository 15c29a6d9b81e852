/** Which way to capture, and why. */
import type { Backend } from "./backend.ts";
import { FirewallError } from "./errors.ts";
import type { RuleMethod } from "./firewall.ts";
import { IptablesBackend } from "./iptables-backend.ts";
import { NftBackend } from "./nft-backend.ts";

export interface ChosenMethod {
  readonly backend: Backend;
  /** One line for -v. */
  readonly reason: string;
}

/**
 * Picks nft if the kernel's nf_tables does everything that rules need, else nat if iptables works.
 * @param reapCommand what an iptables watchdog runs at the end.
 * @throws FirewallError "firewall-no-method" if the wished one, or any, cannot be used.
 */
export async function chooseMethod(
  wish: RuleMethod | "auto",
  instance: string,
  reapCommand: readonly string[],
): Promise<ChosenMethod> {
  switch (wish) {
    case "nft":
      return { backend: new NftBackend(instance), reason: "method nft, as asked for" };
    case "nat":
      return {
        backend: await IptablesBackend.create(instance, reapCommand),
        reason: "method nat, as asked for",
      };
    case "auto":
      return await chooseFirst(instance, reapCommand);
  }
}

async function chooseFirst(instance: string, reapCommand: readonly string[]): Promise<ChosenMethod> {
  const problems: string[] = [];
  try {
    return { backend: new NftBackend(instance), reason: "method nft: the kernel has all that it needs" };
  } catch (error) {
    problems.push(describe(error));
  }
  try {
    const backend = await IptablesBackend.create(instance, reapCommand);
    return { backend, reason: `method nat, because ${problems.join("; ")}` };
  } catch (error) {
    problems.push(describe(error));
  }
  throw new FirewallError(
    "firewall-no-method",
    `Cannot capture connections on this machine: ${problems.join("; ")}`,
    { hint: "--socks 1080 needs no firewall" },
  );
}

function describe(error: unknown): string {
  if (error instanceof FirewallError && error.code === "firewall-no-method") return error.message;
  throw error;
}
