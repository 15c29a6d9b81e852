/**
 * The subnet grammar of the command line, as sshuttle's users type it:
 *
 *   10.0.0.0/8   10/8   0/0   1.2.3.4   10.0.0.0/8:80   10.0.0.0/8:80-443
 *   2001:db8::/32   ::/0   [2001:db8::1]:22   [2001:db8::/32]:80-443   [2001:db8::]/32:80
 *   host.example   host.example/24:443
 *
 * Text in, value out; names are resolved elsewhere (resolve.ts). Host bits are cleared here, so that two
 * spellings of one subnet are equal.
 */
import { isIPv4, isIPv6 } from "node:net";
import { UsageError } from "./errors.ts";

export type Family = 4 | 6;

/** Inclusive, 1 to 65535. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface Subnet {
  readonly family: Family;
  /** Network address, host bits zero, in the shortest usual spelling. */
  readonly address: string;
  /** Prefix length: 0 to 32 or 0 to 128. */
  readonly prefix: number;
  /** Absent: every port. */
  readonly ports?: PortRange;
}

/** A subnet whose address is still a name. */
export interface NamedSubnet {
  readonly host: string;
  readonly prefix?: number;
  readonly ports?: PortRange;
}

const MAX_PREFIX = { 4: 32, 6: 128 } as const;
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,62}[a-z0-9_])?)*\.?$/i;

/**
 * Parses one subnet argument.
 * @throws UsageError naming the text and the part that is wrong.
 */
export function parseSubnet(text: string): Subnet | NamedSubnet {
  const { host, prefixText, portsText } = splitSubnet(text);
  const prefix = prefixText === undefined ? undefined : parsePrefix(text, prefixText);
  const ports = portsText === undefined ? undefined : parsePorts(text, portsText);
  const withPorts = ports === undefined ? {} : { ports };
  if (host.includes("%")) {
    throw new UsageError(`Cannot parse subnet "${text}": a scope (%…) means nothing beyond this machine`);
  }
  if (isIPv6(host)) return { ...makeSubnet(text, 6, host, prefix), ...withPorts };
  const dotted = completeIPv4(text, host, prefix);
  if (dotted !== undefined) return { ...makeSubnet(text, 4, dotted, prefix), ...withPorts };
  if (!HOST_NAME.test(host)) {
    throw new UsageError(
      `Cannot parse subnet "${text}": "${host}" is neither an address nor a host name`,
      "examples: 10.0.0.0/8, 0/0, 10.0.0.0/8:80-443, 2001:db8::/32, [2001:db8::/32]:443, host.example",
    );
  }
  return { host, ...(prefix === undefined ? {} : { prefix }), ...withPorts };
}

/**
 * The subnet of one address that a name led to.
 * @throws UsageError if the prefix does not fit the address's family.
 */
export function subnetOfAddress(family: Family, address: string, named: NamedSubnet): Subnet {
  const text = named.prefix === undefined ? address : `${named.host}/${named.prefix}`;
  const subnet = makeSubnet(text, family, address, named.prefix);
  return named.ports === undefined ? subnet : { ...subnet, ports: named.ports };
}

/** The subnet as one would type it. */
export function formatSubnet(subnet: Subnet): string {
  const net = `${subnet.address}/${subnet.prefix}`;
  if (subnet.ports === undefined) return net;
  const { first, last } = subnet.ports;
  const ports = first === last ? `${first}` : `${first}-${last}`;
  return subnet.family === 6 ? `[${net}]:${ports}` : `${net}:${ports}`;
}

function splitSubnet(text: string): { host: string; prefixText?: string; portsText?: string } {
  const bracketed = /^\[([^\]/]*)(?:\/([^\]]*))?\](?:\/([^:]*))?(?::(.*))?$/s.exec(text);
  if (bracketed !== null) {
    const [, host = "", inside, outside, portsText] = bracketed;
    if (inside !== undefined && outside !== undefined) {
      throw new UsageError(`Cannot parse subnet "${text}": it has two prefixes`);
    }
    if (!isIPv6(host.replace(/%.*/s, ""))) {
      throw new UsageError(
        `Cannot parse subnet "${text}": brackets hold "${host}", which is no IPv6 address`,
      );
    }
    return parts(host, inside ?? outside, portsText);
  }
  // More than one colon and no brackets: an IPv6 address, for which ports need brackets.
  const colons = text.split(":").length - 1;
  const pattern = colons > 1 ? /^([^/]*)(?:\/(.*))?$/s : /^([^/:]*)(?:\/([^:]*))?(?::(.*))?$/s;
  const [, host = "", prefixText, portsText] = pattern.exec(text) ?? [];
  return parts(host, prefixText, portsText);
}

function parts(
  host: string,
  prefixText: string | undefined,
  portsText: string | undefined,
): { host: string; prefixText?: string; portsText?: string } {
  return {
    host,
    ...(prefixText === undefined ? {} : { prefixText }),
    ...(portsText === undefined ? {} : { portsText }),
  };
}

function parsePrefix(text: string, prefixText: string): number {
  if (!/^\d{1,3}$/.test(prefixText)) {
    throw new UsageError(`Cannot parse subnet "${text}": prefix is "${prefixText}", not a number of bits`);
  }
  return Number(prefixText);
}

function parsePorts(text: string, portsText: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(portsText);
  if (match === null) {
    throw new UsageError(
      `Cannot parse subnet "${text}": ports are "${portsText}", allowed are PORT and FIRST-LAST`,
    );
  }
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  for (const port of [first, last]) {
    if (port < 1 || port > 65_535) {
      throw new UsageError(`Cannot parse subnet "${text}": port is ${port}, allowed are 1 to 65535`);
    }
  }
  if (last < first)
    throw new UsageError(`Cannot parse subnet "${text}": ports ${first}-${last} run backwards`);
  return { first, last };
}

/** Completes 10/8 and 192.168/16, as routing tables write them; undefined if the host is a name. */
function completeIPv4(text: string, host: string, prefix: number | undefined): string | undefined {
  if (isIPv4(host)) return host;
  if (!/^\d+(\.\d+){0,3}$/.test(host)) return undefined;
  const octets = host.split(".");
  // inet_aton reads 10/8 as 0.0.0.10/8, which nobody means; without a prefix either reading is a guess.
  const wholes = octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) <= 255);
  if (octets.length > 3 || !wholes) {
    throw new UsageError(`Cannot parse subnet "${text}": "${host}" is not an IPv4 address`);
  }
  if (prefix === undefined) {
    throw new UsageError(
      `Cannot parse subnet "${text}": an address cut short needs a prefix`,
      "example: 10/8",
    );
  }
  return [...octets, "0", "0", "0"].slice(0, 4).join(".");
}

function makeSubnet(text: string, family: Family, address: string, prefix: number | undefined): Subnet {
  const most = MAX_PREFIX[family];
  const bits = prefix ?? most;
  if (bits > most) throw new UsageError(`Cannot parse subnet "${text}": prefix is ${bits}, at most ${most}`);
  return { family, address: networkAddress(family, address, bits), prefix: bits };
}

/** Clears the host bits; the result is in the shortest usual spelling. */
export function networkAddress(family: Family, address: string, prefix: number): string {
  const bytes = addressBytes(family, address);
  for (let i = 0; i < bytes.length; i++) {
    const keep = Math.min(8, Math.max(0, prefix - i * 8));
    bytes[i] = (bytes[i] ?? 0) & (0xff00 >> keep);
  }
  return formatAddress(family, bytes);
}

/** The 4 or 16 bytes of an address that node:net accepts. */
export function addressBytes(family: Family, address: string): Uint8Array {
  if (family === 4) return Uint8Array.from(address.split("."), Number);
  // The URL parser turns every legal spelling, an embedded IPv4 address too, into the canonical one (RFC 5952).
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return Uint8Array.from(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]));
}

/** The canonical text of 4 or 16 address bytes. Source: RFC 5952 section 4. */
export function formatAddress(family: Family, bytes: Uint8Array): string {
  if (family === 4) return bytes.join(".");
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
