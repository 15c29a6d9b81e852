/**
 * The decision about a packet, said a second time without a look at the first (client/firewall/plan.ts): no
 * sorting, no chains, addresses as numbers. Slow and plain, so that it can be read at one sitting.
 */
import { isIPv4 } from "node:net";
import type { Plan } from "../../../client/firewall/plan.ts";
import type { Subnet } from "../../../client/subnet.ts";

export interface Packet {
  readonly address: string;
  readonly port: number;
  /** Whether the address is one of the machine's own. */
  readonly isLocal: boolean;
}

export function decide(plan: Plan, packet: Packet): "captured" | "direct" {
  const family = isIPv4(packet.address) ? 4 : 6;
  const listener = plan.listeners.find((candidate) => candidate.family === family);
  if (listener === undefined) return "direct";
  if (packet.isLocal && packet.port === listener.port) return "direct";
  if (plan.ownConnections.some((own) => own.port === packet.port && same(own.address, packet.address))) {
    return "direct";
  }
  const isSpecial = packet.isLocal || SPECIAL.some((block) => contains(block, packet.address));
  let best: { subnet: Subnet; captures: boolean } | undefined;
  for (const subnet of plan.includes) {
    if (!matches(subnet, packet)) continue;
    if (isSpecial && !isNarrow(subnet)) continue;
    if (best === undefined || isMoreSpecific(subnet, best.subnet)) best = { subnet, captures: true };
  }
  for (const subnet of plan.excludes) {
    if (!matches(subnet, packet)) continue;
    if (best === undefined || !isMoreSpecific(best.subnet, subnet)) best = { subnet, captures: false };
  }
  return best?.captures === true ? "captured" : "direct";
}

const SPECIAL: readonly Subnet[] = [
  { family: 4, address: "127.0.0.0", prefix: 8 },
  { family: 4, address: "169.254.0.0", prefix: 16 },
  { family: 4, address: "224.0.0.0", prefix: 4 },
  { family: 4, address: "255.255.255.255", prefix: 32 },
  { family: 6, address: "::1", prefix: 128 },
  { family: 6, address: "fe80::", prefix: 10 },
  { family: 6, address: "ff00::", prefix: 8 },
];

function matches(subnet: Subnet, packet: Packet): boolean {
  const { ports } = subnet;
  if (ports !== undefined && (packet.port < ports.first || packet.port > ports.last)) return false;
  return contains(subnet, packet.address);
}

/** Strictly more specific. */
function isMoreSpecific(a: Subnet, b: Subnet): boolean {
  if (width(a) !== width(b)) return width(a) < width(b);
  return a.prefix > b.prefix;
}

function width({ ports }: Subnet): number {
  return ports === undefined ? 65_535 : ports.last - ports.first + 1;
}

function isNarrow(subnet: Subnet): boolean {
  const bits = subnet.family === 4 ? 32 : 128;
  return (
    subnet.prefix === bits ||
    SPECIAL.some((block) => block.prefix <= subnet.prefix && contains(block, subnet.address))
  );
}

function contains(subnet: Subnet, address: string): boolean {
  if ((subnet.family === 4) !== isIPv4(address)) return false;
  const shift = BigInt((subnet.family === 4 ? 32 : 128) - subnet.prefix);
  return toNumber(subnet.address) >> shift === toNumber(address) >> shift;
}

function same(a: string, b: string): boolean {
  return isIPv4(a) === isIPv4(b) && toNumber(a) === toNumber(b);
}

/** By hand, for texts without an embedded IPv4 address. */
function toNumber(address: string): bigint {
  if (isIPv4(address)) {
    return address.split(".").reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  }
  const [left = "", right = ""] = address.split("::");
  const missing = 8 - groups(left).length - groups(right).length;
  const all = [...groups(left), ...Array.from({ length: missing }, () => "0"), ...groups(right)];
  return all.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

function groups(text: string): string[] {
  return text === "" ? [] : text.split(":");
}
