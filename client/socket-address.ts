/**
 * struct sockaddr_in and sockaddr_in6. Source: linux/in.h, linux/in6.h.
 *
 *   0: 2  family, host order    2: 2  port, network order    4: 4 address (v4)    8: 16 address (v6)
 */
import type { Endpoint } from "./firewall/plan.ts";
import { addressBytes, formatAddress } from "./subnet.ts";
import type { Family } from "./subnet.ts";

export const SOCKADDR_BYTES = { 4: 16, 6: 28 } as const;

/** Source: bits/socket.h. */
export const ADDRESS_FAMILY = { 4: 2, 6: 10 } as const;

const ADDRESS_AT = { 4: 4, 6: 8 } as const;
const ADDRESS_BYTES = { 4: 4, 6: 16 } as const;

export function parseSocketAddress(family: Family, bytes: Uint8Array): Endpoint {
  const at = ADDRESS_AT[family];
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  return { family, address: formatAddress(family, bytes.subarray(at, at + ADDRESS_BYTES[family])), port };
}

/** Without a scope: a link-local address of IPv6 cannot be bound by it. */
export function encodeSocketAddress({ family, address, port }: Endpoint): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_BYTES[family]);
  new Uint16Array(bytes.buffer)[0] = ADDRESS_FAMILY[family];
  bytes[2] = port >> 8;
  bytes[3] = port;
  bytes.set(addressBytes(family, address), ADDRESS_AT[family]);
  return bytes;
}

/** The same address and port, in the bytes of two socket addresses. */
export function isSameAddress(family: Family, one: Uint8Array, other: Uint8Array): boolean {
  const at = ADDRESS_AT[family];
  if (one[2] !== other[2] || one[3] !== other[3]) return false;
  for (let i = at; i < at + ADDRESS_BYTES[family]; i++) if (one[i] !== other[i]) return false;
  return true;
}
