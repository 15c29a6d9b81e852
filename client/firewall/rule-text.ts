/** The rules of a plan as their tool would show them, for -v. */
import type { RuleMethod } from "./firewall.ts";
import { iptablesApply } from "./iptables.ts";
import { formatNftTable } from "./nft-text.ts";
import { activeFamilies } from "./plan.ts";
import type { Plan } from "./plan.ts";

/** Stands for the instance's name, which only the helper knows. */
const NAME = "sshuttle";

export function formatRules(method: RuleMethod, plan: Plan): string {
  switch (method) {
    case "nft":
      return formatNftTable(plan, { name: NAME, owned: true });
    case "nat":
      return activeFamilies(plan)
        .map((family) => `# IPv${family}\n${iptablesApply(plan, family, NAME, [])}`)
        .join("");
  }
}
