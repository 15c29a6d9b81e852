/** Whether a subnet to be captured holds what belongs to this machine's own network. */
import type { NetworkInterfaceInfo } from "node:os";
import { formatSubnet, networkAddress } from "../subnet.ts";
import type { Subnet } from "../subnet.ts";
import { okay, warning } from "./step.ts";
import type { Step } from "./step.ts";

/** As os.networkInterfaces() has them. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

interface Network extends Subnet {
  readonly device: string;
}

export function judgeSubnet(subnet: Subnet, interfaces: Interfaces): Step {
  const name = formatSubnet(subnet);
  const own = networksOf(interfaces).filter((network) => overlaps(subnet, network));
  if (own.length === 0) return okay("subnet", `${name} has no part in this machine's own networks`);
  const list = own.map((network) => `${formatSubnet(network)} (${network.device})`).join(", ");
  const detail = `${name} and this machine's own network overlap: ${list}`;
  // Whoever says "everything" knows.
  if (subnet.prefix === 0) return okay("subnet", `${detail}; -x leaves it out`);
  return warning(
    "subnet",
    detail,
    `if its hosts shall be reached as before: ${own.map((network) => `-x ${formatSubnet(network)}`).join(" ")}`,
  );
}

function networksOf(interfaces: Interfaces): readonly Network[] {
  return Object.entries(interfaces).flatMap(([device, addresses = []]) =>
    addresses.flatMap(({ internal, address, family, cidr, scopeid = 0 }) => {
      // A scope is a link-local address's, which is never captured.
      if (internal || cidr === null || scopeid !== 0) return [];
      const prefix = Number(cidr.split("/")[1]);
      const number = family === "IPv6" ? 6 : 4;
      return [{ family: number, address: networkAddress(number, address, prefix), prefix, device }];
    }),
  );
}

function overlaps(a: Subnet, b: Subnet): boolean {
  if (a.family !== b.family) return false;
  const prefix = Math.min(a.prefix, b.prefix);
  return networkAddress(a.family, a.address, prefix) === networkAddress(b.family, b.address, prefix);
}
