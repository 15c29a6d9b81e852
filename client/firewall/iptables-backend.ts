/** Method nat: iptables and ip6tables, each family one transaction, with a watchdog for the hard end. */
import type { Family } from "../subnet.ts";
import type { Backend } from "./backend.ts";
import { FirewallError } from "./errors.ts";
import { hasIpv6 } from "./families.ts";
import {
  builtinChainsOf,
  iptablesApply,
  iptablesChainName,
  iptablesUndoWhole,
  iptablesUpdate,
} from "./iptables.ts";
import { natMarkers } from "./nat-table.ts";
import { activeFamilies } from "./plan.ts";
import type { Endpoint, Plan } from "./plan.ts";
import { commandRefusal, IPTABLES, listNft, LOCK_SECONDS, pruneNatTable, removeInstance } from "./reap.ts";
import { runCommand } from "./run-command.ts";
import type { CommandResult } from "./run-command.ts";
import { startWatchdog } from "./watchdog.ts";
import type { Watchdog } from "./watchdog.ts";

export class IptablesBackend implements Backend {
  readonly method = "nat";
  readonly families: readonly Family[];
  readonly warnings: readonly string[];
  private readonly instance: string;
  private readonly reap: readonly string[];
  private watchdog: Watchdog | undefined;
  private applied: readonly Family[] = [];

  private constructor(
    instance: string,
    reap: readonly string[],
    families: readonly Family[],
    warnings: readonly string[],
  ) {
    this.instance = instance;
    this.reap = reap;
    this.families = families;
    this.warnings = warnings;
  }

  /**
   * Probes both families; without ip6tables it does IPv4 alone, with a warning.
   * @param reap the command with which the watchdog removes what is left of this instance.
   * @throws FirewallError "firewall-no-method" if iptables cannot be used.
   */
  static async create(instance: string, reap: readonly string[]): Promise<IptablesBackend> {
    const v4 = await probe(4, instance);
    if (v4.status !== 0) {
      throw new FirewallError("firewall-no-method", `iptables cannot be used: ${v4.complaint}`);
    }
    if (!hasIpv6()) return new IptablesBackend(instance, reap, [4], []);
    const v6 = await probe(6, instance);
    return v6.status === 0
      ? new IptablesBackend(instance, reap, [4, 6], [])
      : new IptablesBackend(instance, reap, [4], [`IPv6 is not captured: ${v6.complaint}`]);
  }

  async apply(plan: Plan): Promise<void> {
    const families = activeFamilies(plan);
    const undo = { 4: "", 6: "" };
    for (const family of families) undo[family] = iptablesUndoWhole(plan, this.instance);
    this.watchdog = await startWatchdog(undo, this.reap);
    try {
      for (const family of families) {
        this.applied = [...this.applied, family];
        const markers = (await isNftVariant(family))
          ? natMarkers(listNft(family), family, builtinChainsOf(plan))
          : [];
        await this.restore(family, "apply the rules", iptablesApply(plan, family, this.instance, markers));
      }
    } catch (error) {
      await this.undo();
      throw error;
    }
  }

  async update(ownConnections: readonly Endpoint[]): Promise<void> {
    for (const family of this.applied) {
      await this.restore(family, "update the rules", iptablesUpdate(ownConnections, family, this.instance));
    }
  }

  async undo(): Promise<void> {
    const families = this.applied;
    this.applied = [];
    const problems: unknown[] = [];
    for (const family of families) {
      await removeInstance(IPTABLES[family], this.instance).catch((error: unknown) => problems.push(error));
      pruneNatTable(family);
    }
    const { watchdog } = this;
    this.watchdog = undefined;
    if (problems.length > 0) {
      watchdog?.release();
      throw problems[0];
    }
    await watchdog?.dismiss();
  }

  private async restore(family: Family, deed: string, text: string): Promise<void> {
    const guard = this.watchdog?.pipe;
    const result = await restore(IPTABLES[family], text, guard);
    if (result.status !== 0) throw commandRefusal(deed, IPTABLES[family], result);
  }
}

/** "iptables-restore v1.8.9 (nf_tables)", as opposed to "(legacy)" or nothing before 1.8. */
async function isNftVariant(family: Family): Promise<boolean> {
  const { stdout } = await runCommand(`${IPTABLES[family]}-restore`, ["--version"]);
  return stdout.includes("(nf_tables)");
}

function probe(family: Family, instance: string): Promise<CommandResult> {
  const chain = iptablesChainName(instance, "capture");
  const rule = `-A ${chain} -p tcp -m addrtype --dst-type LOCAL -j REDIRECT --to-ports 1`;
  return runCommand(`${IPTABLES[family]}-restore`, ["--noflush", "--test", "-w", LOCK_SECONDS], {
    stdin: `*nat\n:${chain} - [0:0]\n${rule}\nCOMMIT\n`,
  });
}

function restore(tool: string, text: string, guard: Watchdog["pipe"] | undefined): Promise<CommandResult> {
  return runCommand(`${tool}-restore`, ["--noflush", "-w", LOCK_SECONDS], { stdin: text, guard });
}
