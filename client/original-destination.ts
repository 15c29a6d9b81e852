/**
 * Where a captured connection wanted to go.
 *
 * A redirect rule changes the destination before the connection is accepted; the connection tracker keeps
 * the original one, and the accepted socket tells it. No privilege is needed.
 */
import { systemCalls } from "./ffi.ts";
import type { Endpoint } from "./firewall/plan.ts";
import { isSameAddress, parseSocketAddress, SOCKADDR_BYTES } from "./socket-address.ts";
import type { Family } from "./subnet.ts";

const LEVEL = { 4: 0, 6: 41 } as const;
/** Source: linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h; one number for both. */
const SO_ORIGINAL_DST = 80;

const buffers = (): Readonly<Record<Family, Uint8Array>> => ({
  4: new Uint8Array(SOCKADDR_BYTES[4]),
  6: new Uint8Array(SOCKADDR_BYTES[6]),
});
const originals = buffers();
const locals = buffers();

/**
 * The destination that the peer of an accepted socket of this family asked for.
 *
 * Undefined if the connection was not captured: someone has dialled the listener itself. Such a connection
 * must be refused; forwarding it would be a loop or an open proxy.
 * @throws FirewallError "firewall-ffi-missing" if koffi is not installed.
 */
export function originalDestination(fd: number, family: Family): Endpoint | undefined {
  const calls = systemCalls();
  const original = originals[family];
  const local = locals[family];
  // ENOENT: nothing in this namespace tracks connections, so nothing can have been redirected either.
  if (calls.getsockopt(fd, LEVEL[family], SO_ORIGINAL_DST, original) < 0) return undefined;
  if (calls.getsockname(fd, local) < 0 || isSameAddress(family, original, local)) return undefined;
  return parseSocketAddress(family, original);
}

/** Of a net.Socket. It is not in Node's API; every release since 0.12 has it here. */
export function descriptorOf(socket: unknown): number | undefined {
  if (typeof socket !== "object" || socket === null) return undefined;
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null || !("fd" in handle)) return undefined;
  return typeof handle.fd === "number" && handle.fd >= 0 ? handle.fd : undefined;
}
