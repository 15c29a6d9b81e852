/** Which families are captured and where their connections arrive: pure, from what was asked and what is possible. */
import { UsageError } from "./errors.ts";
import type { ListenAddress } from "./listen-address.ts";
import type { TunnelOptions } from "./options.ts";
import type { Family, Subnet } from "./subnet.ts";

const LOOPBACK: readonly ListenAddress[] = [
  { family: 4, address: "127.0.0.1", port: 0 },
  { family: 6, address: "::1", port: 0 },
];

export interface ListenPlan {
  readonly addresses: readonly ListenAddress[];
  /** One line for each family that is left out although subnets of it were asked for. */
  readonly warnings: readonly string[];
}

/**
 * One listening address for each family that has something to capture and can be captured.
 * @throws UsageError if nothing is left to capture.
 */
export function listenAddresses(
  options: Pick<TunnelOptions, "listen" | "disableIpv6">,
  includes: readonly Subnet[],
  possible: readonly Family[],
): ListenPlan {
  const addresses: ListenAddress[] = [];
  const warnings: string[] = [];
  for (const family of [4, 6] as const) {
    if (!includes.some((subnet) => subnet.family === family)) continue;
    const address = (options.listen ?? LOOPBACK).find((candidate) => candidate.family === family);
    const reason = whyNot(family, options, address, possible);
    if (reason === undefined && address !== undefined) addresses.push(address);
    else warnings.push(`IPv${family} subnets are not captured: ${reason}`);
  }
  if (addresses.length === 0) throw new UsageError(`Cannot capture anything: ${warnings.join("; ")}`);
  return { addresses, warnings };
}

function whyNot(
  family: Family,
  options: Pick<TunnelOptions, "disableIpv6">,
  address: ListenAddress | undefined,
  possible: readonly Family[],
): string | undefined {
  if (family === 6 && options.disableIpv6) return "--disable-ipv6";
  if (address === undefined) return `--listen has no IPv${family} address`;
  return possible.includes(family) ? undefined : "this machine cannot do it";
}
