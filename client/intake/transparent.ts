/** Captured connections: each goes to where it was going, through the tunnel. */
import type { Socket } from "node:net";
import { splice } from "../../agent-src/wire/splice.ts";
import { originalDestination } from "../original-destination.ts";
import type { Log } from "../log.ts";
import type { Tunnel } from "../tunnel.ts";
import { formatEndpoint } from "./listener.ts";
import { noteReset } from "./reset-log.ts";

/**
 * Serves one accepted socket of a listener that rules redirect to.
 *
 * A connection that no rule redirected has dialled the listener itself; it is reset, since forwarding it
 * would be a loop, and from another machine an open proxy.
 */
export function serveCaptured(socket: Socket, tunnel: Tunnel, log: Log): void {
  const destination = originalDestination(socket);
  const source = `${socket.remoteAddress ?? "?"} port ${socket.remotePort ?? "?"}`;
  if (destination === undefined) {
    log(1, `refused ${source}: it dialled the listener itself, nothing redirected it`);
    socket.resetAndDestroy();
    return;
  }
  const channel = tunnel.open({ kind: "tcp", host: destination.address, port: destination.port });
  log(1, `${source} to ${formatEndpoint(destination)}: channel ${channel.id}`);
  splice(channel, socket, { reset: noteReset(tunnel.counts, log, formatEndpoint(destination)) });
  socket.resume();
}
