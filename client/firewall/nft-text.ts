/** The rules of nft.ts as `nft list table` shows them, for -v. */
import { nftChainName } from "./nft-expressions.ts";
import { BASE_PRIORITY, baseChainsOf } from "./nft.ts";
import type { NftTable } from "./nft.ts";
import { activeFamilies } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { compileRules, isReachedByRedirect } from "./rules.ts";
import type { Match, Rule } from "./rules.ts";
import type { Family } from "../subnet.ts";

/** The table as text, in the order in which nftApply() makes it. */
export function formatNftTable(plan: Plan, table: NftTable): string {
  const families = activeFamilies(plan);
  const chains = families.flatMap((family) =>
    compileRules(plan, family).map(({ name, rules }) =>
      formatChain(
        nftChainName(family, name),
        rules.map((rule) => formatRule(family, rule)),
      ),
    ),
  );
  const bases = baseChainsOf(plan).map((base) =>
    formatChain(base, [
      `type nat hook ${base} priority ${BASE_PRIORITY}; policy accept;`,
      ...families.map(
        (family) =>
          `meta nfproto ipv${family} tcp flags syn / fin,syn,rst,ack jump ${nftChainName(family, "own")}`,
      ),
    ]),
  );
  const flags = table.owned ? "\tflags owner\n\n" : "";
  return `table inet ${table.name} {\n${flags}${[...chains, ...bases].join("\n")}}\n`;
}

function formatChain(name: string, lines: readonly string[]): string {
  return [`\tchain ${name} {`, ...lines.map((line) => `\t\t${line}`), "\t}", ""].join("\n");
}

function formatRule(family: Family, rule: Rule): string {
  const { match, verdict } = rule;
  const needsTcp = match.ports === undefined && verdict.kind === "capture";
  return [
    ...(match.local === true ? ["fib daddr type local"] : []),
    ...formatDestination(family, rule),
    ...formatPorts(match),
    ...(needsTcp ? ["meta l4proto tcp"] : []),
    formatVerdict(family, rule),
  ].join(" ");
}

function formatDestination(family: Family, { match, verdict }: Rule): string[] {
  const { destination } = match;
  // nft itself leaves the family out where an address or a DNAT target says it.
  if (destination === undefined) return verdict.kind === "capture" ? [`meta nfproto ipv${family}`] : [];
  const whole = destination.prefix === (family === 4 ? 32 : 128);
  const subnet = whole ? destination.address : `${destination.address}/${destination.prefix}`;
  return [`${family === 4 ? "ip" : "ip6"} daddr ${subnet}`];
}

function formatPorts({ ports }: Match): string[] {
  if (ports === undefined) return [];
  const range = ports.first === ports.last ? `${ports.first}` : `${ports.first}-${ports.last}`;
  return [`tcp dport ${range}`];
}

function formatVerdict(family: Family, { verdict }: Rule): string {
  switch (verdict.kind) {
    case "return":
      return "return";
    case "goto":
      return `goto ${nftChainName(family, verdict.chain)}`;
    case "capture": {
      const { listener } = verdict;
      if (isReachedByRedirect(listener)) return `redirect to :${listener.port}`;
      return family === 4
        ? `dnat ip to ${listener.address}:${listener.port}`
        : `dnat ip6 to [${listener.address}]:${listener.port}`;
    }
  }
}
