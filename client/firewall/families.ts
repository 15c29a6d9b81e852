import { readFileSync } from "node:fs";

/** Whether this network namespace has IPv6 at all: the kernel shows its addresses, or no such file. */
export function hasIpv6(): boolean {
  try {
    return readFileSync("/proc/net/if_inet6", "latin1") !== "";
  } catch {
    return false;
  }
}
