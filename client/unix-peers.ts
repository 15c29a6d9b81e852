/**
 * Who is at the other end of a unix socket. /proc does not tell; the kernel's socket monitoring does, to
 * everyone. Source: linux/unix_diag.h, sock_diag(7).
 */
import { decodeAttributes, HOST_LITTLE_ENDIAN, NLM_F_DUMP, NLM_F_REQUEST } from "./firewall/netlink.ts";
import type { Message } from "./firewall/netlink.ts";
import { NetlinkError, NetlinkSocket } from "./firewall/netlink-socket.ts";

const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const AF_UNIX = 1;
const EVERY_STATE = 0xffffffff;
const UDIAG_SHOW_PEER = 4;
const UNIX_DIAG_PEER = 2;
/** struct unix_diag_req and unix_diag_msg. */
const REQUEST_BYTES = 24;
const ANSWER_BYTES = 16;

/** From a socket's inode to its peer's, for every connected unix socket of this network namespace. */
export function readUnixPeers(): ReadonlyMap<number, number> {
  let socket: NetlinkSocket;
  try {
    socket = new NetlinkSocket(NETLINK_SOCK_DIAG);
  } catch (error) {
    // A kernel without it: nothing can be told.
    if (error instanceof NetlinkError) return new Map();
    throw error;
  }
  try {
    const request = encodeUnixDiagRequest();
    return decodeUnixPeers(
      socket.exchange([
        { type: SOCK_DIAG_BY_FAMILY, flags: NLM_F_REQUEST | NLM_F_DUMP, sequence: 1, payload: request },
      ]),
    );
  } finally {
    socket.close();
  }
}

/**
 *   0: 1  family     4: 4  states (a bit each)     8: 4  inode (0: all)     12: 4  what to show     16: 8  cookie
 */
export function encodeUnixDiagRequest(): Uint8Array {
  const bytes = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, AF_UNIX);
  view.setUint32(4, EVERY_STATE, HOST_LITTLE_ENDIAN);
  view.setUint32(12, UDIAG_SHOW_PEER, HOST_LITTLE_ENDIAN);
  return bytes;
}

/**
 *   0: 1  family     1: 1  type     2: 1  state     4: 4  inode     8: 8  cookie     16: …  attributes
 */
export function decodeUnixPeers(messages: readonly Message[]): ReadonlyMap<number, number> {
  const peers = new Map<number, number>();
  for (const { type, payload } of messages) {
    if (type !== SOCK_DIAG_BY_FAMILY || payload.length < ANSWER_BYTES) continue;
    const peer = decodeAttributes(payload.subarray(ANSWER_BYTES)).get(UNIX_DIAG_PEER);
    if (peer !== undefined) peers.set(hostUint32(payload, 4), hostUint32(peer, 0));
  }
  return peers;
}

function hostUint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, HOST_LITTLE_ENDIAN);
}
