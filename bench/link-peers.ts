/** Who is compared over a link. Ours is told its cipher, so that it has the same as the peer it is measured by. */
import { OURS, PEERS, PREFERRED_CIPHER } from "./peers.ts";
import type { PeerDefinition } from "./peers.ts";

export const SSH_SAME_CIPHER = "ssh -L, same cipher";
/** The link without anything over it: what TCP makes of it. */
export const NO_TUNNEL = "no tunnel";
/** What is routed to the target over the link itself, for "no tunnel". */
export const NO_TUNNEL_NETWORK = "10.5";

const ORDER: readonly string[] = [OURS, SSH_SAME_CIPHER, "ssh -L", "sshuttle"];

export const LINK_PEERS: readonly PeerDefinition[] = [
  ...PEERS.map((peer) => (peer.name === OURS ? withCipher(peer) : peer)).toSorted(
    (a, b) => rank(a.name) - rank(b.name),
  ),
  { name: NO_TUNNEL, endpoint: (port) => ({ address: `${NO_TUNNEL_NETWORK}.0.1`, port }) },
];

function withCipher(peer: PeerDefinition): PeerDefinition {
  const { argv } = peer;
  if (argv === undefined) return peer;
  return {
    ...peer,
    argv: (lab, alias, options) => argv(lab, alias, ["-c", PREFERRED_CIPHER, ...options]),
  };
}

/** Those that are compared first come first. */
function rank(name: string): number {
  const index = ORDER.indexOf(name);
  return index < 0 ? ORDER.length : index;
}
