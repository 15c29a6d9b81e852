/** Removes what instances left that ended without cleaning up: nft tables and iptables chains, by their names. */
import { constants } from "node:os";
import type { Family } from "../subnet.ts";
import { FirewallError } from "./errors.ts";
import { parseInstanceName, stateOfInstance } from "./instance-name.ts";
import { instancesIn, iptablesUndo } from "./iptables.ts";
import { pruneNat } from "./nat-table.ts";
import { NFPROTO } from "./nft-expressions.ts";
import { NftRefusal, NftSocket } from "./nft-socket.ts";
import { nftDeleteTable } from "./nft.ts";
import type { NftObject } from "./nft.ts";
import { runCommand } from "./run-command.ts";
import type { CommandResult } from "./run-command.ts";

/** What was found, each as one line for the user. */
export interface Reaped {
  readonly removed: readonly string[];
  /** Belongs to a living instance, or to one that cannot be judged from here. */
  readonly kept: readonly string[];
  readonly problems: readonly FirewallError[];
}

/** Names of the tools of a family, without "-save" and "-restore". */
export const IPTABLES = { 4: "iptables", 6: "ip6tables" } as const;
/** The usual name, and both kinds where a machine has them side by side. */
const VARIANTS = ["", "-nft", "-legacy"] as const;
/** For the lock that iptables-legacy takes; other programs hold it for milliseconds. */
export const LOCK_SECONDS = "10";
/** The rule set of a busy machine changes now and then between a look and the deed. */
const PRUNE_ATTEMPTS = 5;
const { ENOENT, EPERM } = constants.errno;

/**
 * Removes the remains of every dead instance in this network namespace.
 * @param dead an instance that is dead whatever /proc says.
 */
export async function reap(dead?: string): Promise<Reaped> {
  const removed: string[] = [];
  const kept: string[] = [];
  const problems: FirewallError[] = [];
  const isDead = (instance: string): boolean => {
    const parsed = parseInstanceName(instance);
    return instance === dead || (parsed !== undefined && stateOfInstance(parsed) === "dead");
  };
  for (const table of listTables()) {
    const line = `table inet ${table}`;
    (isDead(table) && removeTable(table) ? removed : kept).push(line);
  }
  for (const family of [4, 6] as const) {
    for (const tool of VARIANTS.map((variant) => IPTABLES[family] + variant)) {
      // Without -t: naming a table of iptables-legacy brings it into being.
      const saved = await runCommand(`${tool}-save`, []);
      for (const instance of instancesIn(saved.stdout)) {
        const line = `chains ${instance}-* of ${tool}`;
        if (!isDead(instance)) {
          kept.push(line);
          continue;
        }
        try {
          await removeInstance(tool, instance);
          removed.push(line);
        } catch (error) {
          if (error instanceof FirewallError) problems.push(error);
          else throw error;
        }
      }
    }
    pruneNatTable(family);
  }
  return { removed, kept: [...new Set(kept)], problems };
}

/**
 * Removes an instance's chains, in whatever state they are. False if it had none.
 * @param tool "iptables", "ip6tables" or a variant; its nat table exists.
 * @throws FirewallError "firewall-refused"
 */
export async function removeInstance(tool: string, instance: string): Promise<boolean> {
  const saved = await runCommand(`${tool}-save`, ["-t", "nat"]);
  if (saved.status !== 0) throw commandRefusal("list the rules", `${tool}-save`, saved);
  const text = iptablesUndo(saved.stdout, instance);
  if (text === undefined) return false;
  const result = await runCommand(`${tool}-restore`, ["--noflush", "-w", LOCK_SECONDS], { stdin: text });
  if (result.status !== 0) throw commandRefusal("remove the rules", tool, result);
  return true;
}

/** Takes away what our rules brought into being in the nat table of iptables-nft and nobody uses (nat-table.ts). */
export function pruneNatTable(family: Family): void {
  withNft((socket) => {
    for (let attempt = 0; attempt < PRUNE_ATTEMPTS; attempt++) {
      const { objects, generation } = socket.list(NFPROTO[family]);
      const requests = pruneNat(objects, family);
      if (requests.length === 0) return;
      try {
        socket.commit(requests, generation);
        return;
      } catch (error) {
        if (!(error instanceof NftRefusal)) throw error;
      }
    }
  });
}

/** What nf_tables holds of a family; nothing where it does not exist. */
export function listNft(family: Family): readonly NftObject[] {
  return withNft((socket) => socket.list(NFPROTO[family]).objects) ?? [];
}

export function commandRefusal(deed: string, tool: string, result: CommandResult): FirewallError {
  const reason = result.complaint === "" ? `status ${result.status ?? "none"}` : result.complaint;
  return new FirewallError("firewall-refused", `Cannot ${deed} by ${tool}: ${reason}`);
}

function listTables(): string[] {
  const objects = withNft((socket) => socket.list(NFPROTO.inet).objects) ?? [];
  return objects
    .filter(({ chain, table }) => chain === undefined && parseInstanceName(table) !== undefined)
    .map(({ table }) => table);
}

function removeTable(table: string): boolean {
  try {
    withNft((socket) => socket.commit([nftDeleteTable(table)]));
    return true;
  } catch (error) {
    // Gone meanwhile; or owned by a process that lives, wherever that is.
    if (error instanceof NftRefusal && error.result === -ENOENT) return true;
    if (error instanceof NftRefusal && error.result === -EPERM) return false;
    throw error;
  }
}

/** Undefined on kernels without nf_tables, where there is nothing to look for. */
function withNft<T>(act: (socket: NftSocket) => T): T | undefined {
  let socket: NftSocket;
  try {
    socket = new NftSocket();
  } catch (error) {
    if (error instanceof FirewallError && error.code === "firewall-no-method") return undefined;
    throw error;
  }
  try {
    return act(socket);
  } finally {
    socket.close();
  }
}
