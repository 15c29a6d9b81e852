/**
 * What the client asks of the privileged helper: lines of words, parsed as if an enemy had written them.
 *
 *   probe auto|nft|nat                                    once, first
 *   listen FAMILY ADDRESS PORT                            the plan, in any order
 *   from local|forwarded|both                             whose connections; without it, local
 *   include|exclude FAMILY ADDRESS PREFIX [FIRST LAST]
 *   own FAMILY ADDRESS PORT
 *   start                                                 applies the plan
 *   own …   update                                        replaces the own connections, any number of times
 *   cleanup                                               instead of all that: removes what crashes left
 *
 * FAMILY is 4 or 6. The end of the stream means: undo everything. Nothing of a line reaches a tool as it came;
 * addresses and numbers are spelt anew.
 */
import { isIPv4, isIPv6 } from "node:net";
import { addressBytes, formatAddress } from "../subnet.ts";
import type { Family, PortRange, Subnet } from "../subnet.ts";
import { FirewallError } from "./errors.ts";
import { RULE_METHODS } from "./firewall.ts";
import type { RuleMethod } from "./firewall.ts";
import { LineReader } from "./lines.ts";
import { SOURCES } from "./plan.ts";
import type { Endpoint, Plan, Sources } from "./plan.ts";

export type Request =
  | { readonly kind: "probe"; readonly method: RuleMethod | "auto" }
  | { readonly kind: "start"; readonly plan: Plan }
  | { readonly kind: "update"; readonly ownConnections: readonly Endpoint[] }
  | { readonly kind: "cleanup" };

/** More than the largest lists of a country's networks; a rule takes about 400 bytes of kernel memory. */
export const MAX_SUBNETS = 16_384;
/** ssh holds one connection, and one more for each jump. */
export const MAX_OWN_CONNECTIONS = 256;

type State = "new" | "planning" | "running" | "cleaning";
type Verb = "probe" | "listen" | "from" | "include" | "exclude" | "own" | "start" | "update" | "cleanup";

/** Which verbs a state takes. */
const VERBS: Readonly<Record<State, readonly Verb[]>> = {
  new: ["probe", "cleanup"],
  planning: ["listen", "from", "include", "exclude", "own", "start"],
  running: ["own", "update"],
  cleaning: [],
};
const PREFIX_BITS = { 4: 32, 6: 128 } as const;

/** Bytes in, requests out. After an error it is of no more use. */
export class RequestReader {
  private readonly lines = new LineReader();
  private state: State = "new";
  private listeners: Endpoint[] = [];
  private includes: Subnet[] = [];
  private excludes: Subnet[] = [];
  private own: Endpoint[] = [];
  private sources: Sources = "local";

  /** @throws FirewallError "firewall-request" for whatever is not in the grammar, or over a limit. */
  receive(bytes: Uint8Array): Request[] {
    return this.lines
      .receive(bytes)
      .map((line) => this.handleLine(line))
      .filter((request) => request !== undefined);
  }

  private handleLine(line: string): Request | undefined {
    const [word = "", ...args] = line.split(" ");
    const verb = VERBS[this.state].find((candidate) => candidate === word);
    if (verb === undefined) throw refuse(line, `expected ${VERBS[this.state].join(" or ") || "nothing"}`);
    const fields = new Fields(line, args);
    const request = this.handleVerb(verb, fields);
    fields.end();
    return request;
  }

  private handleVerb(verb: Verb, fields: Fields): Request | undefined {
    switch (verb) {
      case "probe":
        this.state = "planning";
        return { kind: "probe", method: fields.oneOf("method", [...RULE_METHODS, "auto"] as const) };
      case "cleanup":
        this.state = "cleaning";
        return { kind: "cleanup" };
      case "listen": {
        const listener = fields.endpoint();
        fields.limit(this.listeners.filter(({ family }) => family === listener.family).length, 1);
        this.listeners.push(listener);
        return undefined;
      }
      case "from":
        this.sources = fields.oneOf("source", SOURCES);
        return undefined;
      case "include":
      case "exclude":
        fields.limit(this.includes.length + this.excludes.length, MAX_SUBNETS);
        (verb === "include" ? this.includes : this.excludes).push(fields.subnet());
        return undefined;
      case "own":
        fields.limit(this.own.length, MAX_OWN_CONNECTIONS);
        this.own.push(fields.endpoint());
        return undefined;
      case "start": {
        const { listeners, includes, excludes, sources } = this;
        this.state = "running";
        return {
          kind: "start",
          plan: { listeners, includes, excludes, ownConnections: this.takeOwn(), sources },
        };
      }
      case "update":
        return { kind: "update", ownConnections: this.takeOwn() };
    }
  }

  private takeOwn(): Endpoint[] {
    const { own } = this;
    this.own = [];
    return own;
  }
}

export function encodeProbe(method: RuleMethod | "auto"): string {
  return `probe ${method}\n`;
}

export function encodeCleanup(): string {
  return "cleanup\n";
}

export function encodeStart(plan: Plan): string {
  const { listeners, includes, excludes, ownConnections, sources } = plan;
  return lines([
    ...listeners.map((listener) => `listen ${endpointWords(listener)}`),
    `from ${sources}`,
    ...includes.map((subnet) => `include ${subnetWords(subnet)}`),
    ...excludes.map((subnet) => `exclude ${subnetWords(subnet)}`),
    ...ownConnections.map((peer) => `own ${endpointWords(peer)}`),
    "start",
  ]);
}

export function encodeUpdate(ownConnections: readonly Endpoint[]): string {
  return lines([...ownConnections.map((peer) => `own ${endpointWords(peer)}`), "update"]);
}

function endpointWords({ family, address, port }: Endpoint): string {
  return `${family} ${address} ${port}`;
}

function subnetWords({ family, address, prefix, ports }: Subnet): string {
  const range = ports === undefined ? "" : ` ${ports.first} ${ports.last}`;
  return `${family} ${address} ${prefix}${range}`;
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}

/** The words after a verb, taken one by one. */
class Fields {
  private readonly line: string;
  private readonly words: string[];

  constructor(line: string, words: readonly string[]) {
    this.line = line;
    this.words = [...words];
  }

  oneOf<T extends string>(what: string, allowed: readonly T[]): T {
    const word = this.word();
    const found = allowed.find((candidate) => candidate === word);
    if (found === undefined) throw refuse(this.line, `"${word}" is no ${what}`);
    return found;
  }

  endpoint(): Endpoint {
    const family = this.family();
    return { family, address: this.address(family), port: this.number("port", 1, 65_535) };
  }

  subnet(): Subnet {
    const family = this.family();
    const address = this.address(family);
    const prefix = this.number("prefix", 0, PREFIX_BITS[family]);
    return this.words.length === 0
      ? { family, address, prefix }
      : { family, address, prefix, ports: this.portRange() };
  }

  limit(count: number, most: number): void {
    if (count >= most) throw refuse(this.line, `at most ${most} are allowed`);
  }

  end(): void {
    if (this.words.length > 0) throw refuse(this.line, `"${this.words.join(" ")}" is too much`);
  }

  private portRange(): PortRange {
    const first = this.number("port", 1, 65_535);
    return { first, last: this.number("last port", first, 65_535) };
  }

  private family(): Family {
    const word = this.word();
    if (word !== "4" && word !== "6") throw refuse(this.line, `family is "${word}", allowed are 4 and 6`);
    return word === "4" ? 4 : 6;
  }

  private address(family: Family): string {
    const word = this.word();
    const fits = family === 4 ? isIPv4(word) : isIPv6(word) && !word.includes("%");
    if (!fits) throw refuse(this.line, `"${word}" is no IPv${family} address`);
    return formatAddress(family, addressBytes(family, word));
  }

  private number(what: string, least: number, most: number): number {
    const word = this.word();
    const value = /^(0|[1-9]\d{0,4})$/.test(word) ? Number(word) : -1;
    if (value < least || value > most) {
      throw refuse(this.line, `${what} is "${word}", allowed are ${least} to ${most}`);
    }
    return value;
  }

  private word(): string {
    const word = this.words.shift();
    if (word === undefined) throw refuse(this.line, "a word is missing");
    return word;
  }
}

function refuse(line: string, reason: string): FirewallError {
  return new FirewallError("firewall-request", `Cannot read request "${line.slice(0, 100)}": ${reason}`);
}
