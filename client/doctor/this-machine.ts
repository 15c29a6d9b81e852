/** What capture needs of this machine. Nothing is changed: the helper is asked what it would do, and goes. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { SshuttleError } from "../../bundler/error.ts";
import { FIREWALL_HELPER_COMMAND } from "../firewall-command.ts";
import { FirewallError } from "../firewall/errors.ts";
import { RULE_METHODS } from "../firewall/firewall.ts";
import type { RuleMethod } from "../firewall/firewall.ts";
import { startFirewall } from "../firewall/launch-helper.ts";
import { privilegePrefix } from "../firewall/spawn-helper.ts";
import { resolveSubnets } from "../resolve.ts";
import type { NamedSubnet, Subnet } from "../subnet.ts";
import { judgeFirewall, judgeForwarding, judgePrivileges } from "./judge-firewall.ts";
import type { MethodOutcome, Privileges } from "./judge-firewall.ts";
import { judgeSubnet } from "./judge-subnet.ts";
import { LATE, within } from "./limit.ts";
import type { DoctorOptions } from "./options.ts";
import { judgeResolvConf } from "./resolv-conf.ts";
import { problem } from "./step.ts";
import type { Step } from "./step.ts";

/** Whether sudo asks for a password; PAM may look into a directory over the network. */
const PRIVILEGES_LIMIT_MS = 10_000;
/** For one method: a process, and at most two runs of iptables, each waiting 10 s for its lock. */
const METHOD_LIMIT_MS = 30_000;
/** What the system's resolver takes for two servers that are silent, twice each. Source: resolv.conf(5). */
const RESOLVE_LIMIT_MS = 20_000;

export async function* examineThisMachine({ subnets }: DoctorOptions): AsyncGenerator<Step> {
  for (const subnet of subnets) yield* await examineSubnet(subnet);
  const privileges = await findPrivileges();
  yield judgePrivileges(privileges);
  if (privileges.type === "root" || privileges.type === "granted") yield await examineFirewall();
  const [IPv4, IPv6, resolvConf, upstream] = await Promise.all(
    [
      "/proc/sys/net/ipv4/ip_forward",
      "/proc/sys/net/ipv6/conf/all/forwarding",
      "/etc/resolv.conf",
      "/run/systemd/resolve/resolv.conf",
    ].map(textOf),
  );
  const forwarding = judgeForwarding({ IPv4, IPv6 });
  if (forwarding !== undefined) yield forwarding;
  yield judgeResolvConf(resolvConf, upstream);
}

async function examineSubnet(subnet: Subnet | NamedSubnet): Promise<readonly Step[]> {
  try {
    const subnetsOfName = await within(RESOLVE_LIMIT_MS, resolveSubnets([subnet]));
    if (subnetsOfName === LATE) return [problem("subnet", "the name service does not answer in time")];
    return subnetsOfName.map((resolved) => judgeSubnet(resolved, networkInterfaces()));
  } catch (error) {
    if (error instanceof SshuttleError) return [problem("subnet", error.message, error.hint)];
    throw error;
  }
}

async function findPrivileges(): Promise<Privileges> {
  let by: string | undefined;
  try {
    by = privilegePrefix()[0];
  } catch (error) {
    if (error instanceof FirewallError) return { type: "none", error };
    throw error;
  }
  if (by === undefined) return { type: "root" };
  return { type: (await isGranted(by)) ? "granted" : "asks", by };
}

/** Both sudo and doas have -n, which fails where a password is needed. */
async function isGranted(by: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { timeout: PRIVILEGES_LIMIT_MS };
    execFile(by, ["-n", "true"], options, (error) => resolve(error === null)).stdin?.end();
  });
}

/** By the way that a tunnel takes. */
async function examineFirewall(): Promise<Step> {
  const auto = await tryMethod("auto");
  const others: (readonly [RuleMethod, MethodOutcome])[] = [];
  for (const method of RULE_METHODS) {
    // What auto took works, and if it took none, it has said why of each.
    if (!(auto instanceof Error) && auto.method !== method) others.push([method, await tryMethod(method)]);
  }
  return judgeFirewall({ auto, others });
}

async function tryMethod(method: RuleMethod | "auto"): Promise<MethodOutcome> {
  const attempt = startFirewall({ method, command: FIREWALL_HELPER_COMMAND }).then(async (firewall) => {
    await firewall.stop();
    return firewall;
  });
  try {
    const outcome = await within(METHOD_LIMIT_MS, attempt);
    if (outcome !== LATE) return outcome;
    const message = `Cannot tell what method ${method} does: no answer within ${METHOD_LIMIT_MS / 1000} s`;
    return new FirewallError("firewall-helper-failed", message);
  } catch (error) {
    if (error instanceof FirewallError) return error;
    throw error;
  }
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
