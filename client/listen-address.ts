/** The arguments of -l and --socks: where this machine listens. */
import { isIPv4, isIPv6 } from "node:net";
import { UsageError } from "./errors.ts";
import type { Family } from "./subnet.ts";

export interface ListenAddress {
  readonly family: Family;
  readonly address: string;
  /** 0: one that the system chooses. */
  readonly port: number;
}

/**
 * Parses a comma list of `PORT`, `IP`, `IP:PORT`, `[IPv6]:PORT`, at most one of a family.
 * A bare number is a port: on every address for -l (as sshuttle has it), on loopback for --socks (as ssh -D has it).
 * @throws UsageError naming the option, the text and the part that is wrong.
 */
export function parseListen(
  option: string,
  text: string,
  bare: "loopback" | "any",
): readonly ListenAddress[] {
  const addresses = text.split(",").flatMap((item) => parseOne(option, text, item.trim(), bare));
  for (const family of [4, 6] as const) {
    if (addresses.filter((address) => address.family === family).length > 1) {
      throw new UsageError(`Cannot parse ${option} "${text}": more than one IPv${family} address`);
    }
  }
  return addresses;
}

function parseOne(option: string, text: string, item: string, bare: "loopback" | "any"): ListenAddress[] {
  if (/^\d+$/.test(item)) {
    const port = parsePort(option, text, item);
    if (bare === "any") return [{ family: 4, address: "0.0.0.0", port }];
    return [
      { family: 4, address: "127.0.0.1", port },
      { family: 6, address: "::1", port },
    ];
  }
  if (isIPv4(item)) return [{ family: 4, address: item, port: 0 }];
  if (isIPv6(item)) return [{ family: 6, address: item, port: 0 }];
  const [, v6, v4, portText] = /^(?:\[([^\]]+)\]|([^:]+))(?::(.*))?$/s.exec(item) ?? [];
  const port = portText === undefined ? 0 : parsePort(option, text, portText);
  if (v6 !== undefined && isIPv6(v6)) return [{ family: 6, address: v6, port }];
  if (v4 === "localhost") return [{ family: 4, address: "127.0.0.1", port }];
  if (v4 !== undefined && isIPv4(v4)) return [{ family: 4, address: v4, port }];
  throw new UsageError(
    `Cannot parse ${option} "${text}": "${item}" is not an address of this machine`,
    "allowed are PORT, IP, IP:PORT and [IPv6]:PORT",
  );
}

function parsePort(option: string, text: string, portText: string): number {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : -1;
  if (port < 0 || port > 65_535) {
    throw new UsageError(`Cannot parse ${option} "${text}": port is "${portText}", allowed are 0 to 65535`);
  }
  return port;
}
