/** Host names on the command line become subnets here, once, before anything is started. */
import { lookup } from "node:dns/promises";
import { ClientError } from "./errors.ts";
import { subnetOfAddress } from "./subnet.ts";
import type { NamedSubnet, Subnet } from "./subnet.ts";

/**
 * Replaces every name by all of its addresses, IPv4 and IPv6.
 * @throws ClientError "name-unresolved" naming the first name that leads nowhere: a tunnel that silently leaves
 * out a subnet, or worse an exclude, is not what was asked for.
 */
export async function resolveSubnets(subnets: readonly (Subnet | NamedSubnet)[]): Promise<readonly Subnet[]> {
  const resolved = await Promise.all(
    subnets.map(async (subnet) => ("family" in subnet ? [subnet] : await resolveName(subnet))),
  );
  return resolved.flat();
}

async function resolveName(named: NamedSubnet): Promise<readonly Subnet[]> {
  const addresses = await lookup(named.host, { all: true }).catch((cause: unknown) => {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new ClientError("name-unresolved", `Cannot resolve host "${named.host}": ${reason}`, {
      hint: "give its address, or leave it out",
      cause,
    });
  });
  return addresses.map(({ family, address }) => subnetOfAddress(family === 6 ? 6 : 4, address, named));
}
