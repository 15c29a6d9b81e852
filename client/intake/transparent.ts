/** Captured connections: each goes to where it was going, through the tunnel. */
import { splice } from "../../agent-src/wire/splice.ts";
import type { DescriptorSocket } from "../descriptors/descriptor-socket.ts";
import { systemCalls } from "../ffi.ts";
import { isLogged } from "../log.ts";
import type { Log } from "../log.ts";
import { originalDestination } from "../original-destination.ts";
import { parseSocketAddress, SOCKADDR_BYTES } from "../socket-address.ts";
import type { Family } from "../subnet.ts";
import type { Tunnel } from "../tunnel.ts";
import { formatEndpoint } from "./listener.ts";
import { noteReset } from "./reset-log.ts";

/**
 * Serves one accepted socket of a listener that rules redirect to.
 *
 * A connection that no rule redirected has dialled the listener itself; it is reset, since forwarding it
 * would be a loop, and from another machine an open proxy.
 */
export function serveCaptured(socket: DescriptorSocket, family: Family, tunnel: Tunnel, log: Log): void {
  const destination = originalDestination(socket.fd, family);
  if (destination === undefined) {
    log(1, `refused ${peerOf(socket, family)}: it dialled the listener itself, nothing redirected it`);
    socket.resetAndDestroy();
    return;
  }
  const channel = tunnel.open({ kind: "tcp", host: destination.address, port: destination.port });
  const to = (): string => formatEndpoint(destination);
  if (isLogged(log, 1)) log(1, `${peerOf(socket, family)} to ${to()}: channel ${channel.id}`);
  splice(channel, socket, { reset: noteReset(tunnel.counts, log, to) });
}

function peerOf({ fd }: DescriptorSocket, family: Family): string {
  const bytes = new Uint8Array(SOCKADDR_BYTES[family]);
  if (systemCalls().getpeername(fd, bytes) < 0) return "a client that is gone";
  const { address, port } = parseSocketAddress(family, bytes);
  return `${address} port ${port}`;
}
