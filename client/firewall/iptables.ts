/**
 * A plan as iptables-restore texts, and the texts that take exactly the same out again. Pure.
 *
 * One text is one transaction for one family. Everything is in three chains of our own in table nat, and one
 * jump in OUTPUT, and for forwarded connections in PREROUTING, leads there. The same texts work with iptables-nft and iptables-legacy.
 */
import { parseInstanceName } from "./instance-name.ts";
import type { Plan, Sources } from "./plan.ts";
import { CHAIN_NAMES, compileRules, isReachedByRedirect, ownRules } from "./rules.ts";
import type { ChainName, Rule } from "./rules.ts";
import type { Endpoint } from "./plan.ts";
import type { Family } from "../subnet.ts";

/** Only the first packet of a connection: --syn is SYN alone of FIN, SYN, RST and ACK. */
const ENTRY_MATCH = "-p tcp --syn";
const CHAIN_LETTER: Readonly<Record<ChainName, string>> = { own: "o", special: "s", capture: "c" };

/** The chain's name for an instance. */
export function iptablesChainName(instance: string, chain: ChainName): string {
  return `${instance}-${CHAIN_LETTER[chain]}`;
}

/** The instance that a chain belongs to, if it is one of ours. */
export function instanceOfChain(chain: string): string | undefined {
  const instance = chain.slice(0, -2);
  return /-[ocs]$/.test(chain) && parseInstanceName(instance) !== undefined ? instance : undefined;
}

const BUILTIN_CHAINS: Readonly<Record<Sources, readonly string[]>> = {
  local: ["OUTPUT"],
  forwarded: ["PREROUTING"],
  both: ["OUTPUT", "PREROUTING"],
};

/** The built-in chains that a plan needs. */
export function builtinChainsOf(plan: Plan): readonly string[] {
  return BUILTIN_CHAINS[plan.sources];
}

/** The text that makes everything for one family; `markers` are empty chains to make with it (nat-table.ts). */
export function iptablesApply(
  plan: Plan,
  family: Family,
  instance: string,
  markers: readonly string[],
): string {
  const chains = compileRules(plan, family);
  return restoreText([
    ...markers.map((marker) => `:${marker} - [0:0]`),
    ...chains.map(({ name }) => `:${iptablesChainName(instance, name)} - [0:0]`),
    ...chains.flatMap(({ name, rules }) => appendRules(instance, name, family, rules)),
    ...builtinChainsOf(plan).map((builtin) => `-I ${builtin} 1 ${entryJump(instance)}`),
  ]);
}

/** The text that replaces the rules for our own connections. */
export function iptablesUpdate(own: readonly Endpoint[], family: Family, instance: string): string {
  return restoreText([
    `-F ${iptablesChainName(instance, "own")}`,
    ...appendRules(instance, "own", family, ownRules(own, family)),
  ]);
}

/**
 * The text that removes an instance, made from what iptables-save shows: so that it fits whatever is really
 * there, twice, in part or not at all. Undefined if nothing is.
 */
export function iptablesUndo(saved: string, instance: string): string | undefined {
  const names = CHAIN_NAMES.map((chain) => iptablesChainName(instance, chain));
  const lines = natLines(saved);
  const present = names.filter((name) => lines.some((line) => line.startsWith(`:${name} `)));
  if (present.length === 0) return undefined;
  // Jumps from chains that are not ours; ours are flushed as a whole.
  const jumps = lines.filter((line) => {
    const target = / -[jg] (\S+)$/.exec(line)?.[1];
    const from = /^-A (\S+) /.exec(line)?.[1];
    return target !== undefined && from !== undefined && names.includes(target) && !names.includes(from);
  });
  return restoreText([
    ...jumps.map((line) => line.replace("-A ", "-D ")),
    ...present.map((name) => `-F ${name}`),
    ...present.map((name) => `-X ${name}`),
  ]);
}

/** The text that removes an instance whose one transaction went through, for who cannot look first. */
export function iptablesUndoWhole(plan: Plan, instance: string): string {
  const names = CHAIN_NAMES.map((chain) => iptablesChainName(instance, chain));
  return restoreText([
    ...builtinChainsOf(plan).map((builtin) => `-D ${builtin} ${entryJump(instance)}`),
    ...names.map((name) => `-F ${name}`),
    ...names.map((name) => `-X ${name}`),
  ]);
}

/** Instances that iptables-save shows chains of, each once. */
export function instancesIn(saved: string): string[] {
  const instances = natLines(saved)
    .map((line) => instanceOfChain(/^:(\S+) /.exec(line)?.[1] ?? ""))
    .filter((instance) => instance !== undefined);
  return [...new Set(instances)];
}

function natLines(saved: string): string[] {
  const lines = saved.split("\n");
  const start = lines.indexOf("*nat");
  return start < 0 ? [] : lines.slice(start + 1, lines.indexOf("COMMIT", start));
}

function entryJump(instance: string): string {
  return `${ENTRY_MATCH} -j ${iptablesChainName(instance, "own")}`;
}

function appendRules(instance: string, chain: ChainName, family: Family, rules: readonly Rule[]): string[] {
  return rules.map(
    (rule) => `-A ${iptablesChainName(instance, chain)} ${formatRule(instance, family, rule)}`,
  );
}

function formatRule(instance: string, family: Family, { match, verdict }: Rule): string {
  const needsTcp = match.ports !== undefined || verdict.kind === "capture";
  return [
    ...(match.destination === undefined
      ? []
      : [`-d ${match.destination.address}/${match.destination.prefix}`]),
    ...(needsTcp ? ["-p tcp"] : []),
    ...(match.ports === undefined ? [] : [`-m tcp --dport ${match.ports.first}:${match.ports.last}`]),
    ...(match.local === true ? ["-m addrtype --dst-type LOCAL"] : []),
    formatVerdict(instance, family, verdict),
  ].join(" ");
}

function formatVerdict(instance: string, family: Family, verdict: Rule["verdict"]): string {
  switch (verdict.kind) {
    case "return":
      return "-j RETURN";
    case "goto":
      return `-g ${iptablesChainName(instance, verdict.chain)}`;
    case "capture": {
      const { listener } = verdict;
      if (isReachedByRedirect(listener)) return `-j REDIRECT --to-ports ${listener.port}`;
      const host = family === 4 ? listener.address : `[${listener.address}]`;
      return `-j DNAT --to-destination ${host}:${listener.port}`;
    }
  }
}

function restoreText(lines: readonly string[]): string {
  return ["*nat", ...lines, "COMMIT", ""].join("\n");
}
