/** Whether connections can be captured on this machine, from what the helper found. */
import type { FirewallError } from "../firewall/errors.ts";
import type { Firewall, RuleMethod } from "../firewall/firewall.ts";
import { okay, problem, warning } from "./step.ts";
import type { Step } from "./step.ts";

export type MethodOutcome = Pick<Firewall, "method" | "families" | "warnings"> | FirewallError;

/** What `auto` came to, and each method when it is asked for by name. */
export interface FirewallFindings {
  readonly auto: MethodOutcome;
  readonly others: readonly (readonly [RuleMethod, MethodOutcome])[];
}

export function judgeFirewall({ auto, others }: FirewallFindings): Step {
  if (auto instanceof Error) return problem("firewall", auto.message, auto.hint);
  const families = auto.families.map((family) => `IPv${family}`).join(" and ");
  const rest = others
    .filter(([method]) => method !== auto.method)
    .map(([method, outcome]) =>
      outcome instanceof Error ? `${method} does not work: ${outcome.message}` : `${method} works too`,
    );
  const detail = [`auto takes ${auto.method}, for ${families}`, ...rest, ...auto.warnings].join("; ");
  return auto.warnings.length === 0 ? okay("firewall", detail) : warning("firewall", detail);
}

/** How this process can become root, where it is not. */
export type Privileges =
  | { readonly type: "root" }
  /** By this program, without a question. */
  | { readonly type: "granted"; readonly by: string }
  | { readonly type: "asks"; readonly by: string }
  | { readonly type: "none"; readonly error: FirewallError };

export function judgePrivileges(privileges: Privileges): Step {
  switch (privileges.type) {
    case "root":
      return okay("privileges", "root");
    case "granted":
      return okay("privileges", `${privileges.by} makes root of you without a password`);
    case "asks":
      return warning(
        "privileges",
        `${privileges.by} asks for a password, so the firewall was not looked at`,
        `sshuttle asks for it when it starts; ${privileges.by} sshuttle doctor, without -r, looks at the firewall`,
      );
    case "none":
      return problem("privileges", privileges.error.message, privileges.error.hint);
  }
}

/** @param forwarding contents of the kernel's two switches, "0" or "1"; undefined where there is none. */
export function judgeForwarding(
  forwarding: Readonly<Record<"IPv4" | "IPv6", string | undefined>>,
): Step | undefined {
  const { IPv4, IPv6 } = forwarding;
  if (IPv4 === undefined && IPv6 === undefined) return undefined;
  const states = Object.entries(forwarding).map(
    ([family, value]) =>
      `${family} ${value === undefined ? "not there" : value.trim() === "0" ? "off" : "on"}`,
  );
  return okay("ip-forward", `${states.join(", ")}; only a LAN behind --listen 0.0.0.0 needs it`);
}
