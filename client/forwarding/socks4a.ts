/**
 * What is said to ssh's dynamic forwarding. SOCKS4a is one question and one answer, and ssh hands its "name" on
 * as it stands: so an IPv6 address goes the same way.
 * Source: https://www.openssh.com/txt/socks4.protocol and socks4a.protocol; channel_decode_socks4() of OpenSSH.
 */

/** Version 4, CONNECT, and the address 0.0.0.1, which says that a name follows the (empty) user. */
const CONNECT = [4, 1] as const;
const NAME_FOLLOWS = [0, 0, 0, 1, 0] as const;
const GRANTED = 90;

export const REPLY_BYTES = 8;

/** The longest host that ssh takes, in bytes: NI_MAXHOST without its NUL. */
const MAX_HOST_BYTES = 1024;

/** The question for a host (name or address) and a port; undefined if it cannot be asked. */
export function encodeConnect(host: string, port: number): Uint8Array | undefined {
  const name = Buffer.from(host);
  if (name.length === 0 || name.length > MAX_HOST_BYTES || name.includes(0)) return undefined;
  return Buffer.from([...CONNECT, port >> 8, port & 0xff, ...NAME_FOLLOWS, ...name, 0]);
}

/** Whether the answer, of REPLY_BYTES, is yes. */
export function isGranted(reply: Uint8Array): boolean {
  return reply[0] === 0 && reply[1] === GRANTED;
}
