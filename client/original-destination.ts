/**
 * Where a captured connection wanted to go.
 *
 * A redirect rule changes the destination before the connection is accepted; the connection tracker keeps
 * the original one, and the accepted socket tells it. No privilege is needed.
 */
import { isIPv4 } from "node:net";
import type { Socket } from "node:net";
import { systemCalls } from "./ffi.ts";
import type { Endpoint } from "./firewall/plan.ts";
import { addressBytes, formatAddress } from "./subnet.ts";
import type { Family } from "./subnet.ts";

const SOL_IP = 0;
const SOL_IPV6 = 41;
/** Source: linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h; one number for both. */
const SO_ORIGINAL_DST = 80;
/** Bytes of sockaddr_in and sockaddr_in6. */
const SOCKADDR_BYTES = { 4: 16, 6: 28 } as const;
const MAPPED_PREFIX = "::ffff:";

const buffers = { 4: new Uint8Array(SOCKADDR_BYTES[4]), 6: new Uint8Array(SOCKADDR_BYTES[6]) };

/**
 * The destination that the peer of an accepted socket asked for.
 *
 * Undefined if the connection was not captured: someone has dialled the listener itself. Such a connection
 * must be refused; forwarding it would be a loop or an open proxy.
 * @throws FirewallError "firewall-ffi-missing" if koffi is not installed.
 */
export function originalDestination(socket: Socket): Endpoint | undefined {
  const fd = descriptorOf(socket);
  const local = localEndpoint(socket);
  if (fd === undefined || local === undefined) return undefined;
  const buffer = buffers[local.family];
  const level = local.family === 4 ? SOL_IP : SOL_IPV6;
  const result = systemCalls().getsockopt(fd, level, SO_ORIGINAL_DST, buffer);
  // ENOENT: nothing in this namespace tracks connections, so nothing can have been redirected either.
  if (result < 0) return undefined;
  const original = parseSocketAddress(local.family, buffer);
  return original.address === local.address && original.port === local.port ? undefined : original;
}

/**
 * Reads a sockaddr_in or sockaddr_in6. Source: linux/in.h, linux/in6.h.
 *
 *   0: 2  family, host order    2: 2  port, network order    4: 4 address (v4)    8: 16 address (v6)
 */
export function parseSocketAddress(family: Family, bytes: Uint8Array): Endpoint {
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  const address = formatAddress(family, family === 4 ? bytes.subarray(4, 8) : bytes.subarray(8, 24));
  return { family, address, port };
}

function localEndpoint(socket: Socket): Endpoint | undefined {
  const { localAddress, localPort } = socket;
  if (localAddress === undefined || localPort === undefined) return undefined;
  const text = localAddress.replace(/%.*/s, "");
  // A dual-stack listener shows IPv4 as ::ffff:a.b.c.d; the tracker knows it as IPv4.
  const mapped = text.startsWith(MAPPED_PREFIX) ? text.slice(MAPPED_PREFIX.length) : text;
  const family: Family = isIPv4(mapped) ? 4 : 6;
  return { family, address: formatAddress(family, addressBytes(family, mapped)), port: localPort };
}

/** The descriptor is not in Node's API; every release since 0.12 has it here. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null || !("fd" in handle)) return undefined;
  return typeof handle.fd === "number" && handle.fd >= 0 ? handle.fd : undefined;
}
