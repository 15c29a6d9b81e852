/** Listening sockets of the intakes: bound before ssh is started, so that a port in use is known at once. */
import { once } from "node:events";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { ClientError } from "../errors.ts";
import type { Endpoint } from "../firewall/plan.ts";
import type { ListenAddress } from "../listen-address.ts";

export interface Listener {
  readonly endpoint: Endpoint;
  /** Stops accepting and resets what is still open. */
  close(): Promise<void>;
}

/** Connections that may wait for accept(): a browser's or a test tool's burst must not meet a full queue. */
export const BACKLOG = 4096;

/**
 * Listens and hands every accepted socket, paused and half-open-able, to `accept`.
 * @throws ClientError "listen-failed" naming the address and the system's reason.
 */
export async function listen(address: ListenAddress, accept: (socket: Socket) => void): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    accept(socket);
  });
  server.listen({
    host: address.address,
    port: address.port,
    backlog: BACKLOG,
    ipv6Only: address.family === 6,
  });
  await once(server, "listening").catch((cause: unknown) => {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw listenFailed(address, reason, cause);
  });
  // Node has already closed the connection it could not serve (no descriptor left); the server goes on.
  server.on("error", () => {});
  return {
    endpoint: { ...address, port: portOf(server) },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.resetAndDestroy();
      if (server.listening) await once(server, "close");
    },
  };
}

/** `reason`: the name of an errno. */
export function listenFailed(address: ListenAddress, reason: string, cause?: unknown): ClientError {
  return new ClientError("listen-failed", `Cannot listen on ${formatEndpoint(address)}: ${reason}`, {
    hint: reason === "EADDRINUSE" ? "another program has this port; choose another" : undefined,
    cause,
  });
}

/** "10.0.0.1:80" or "[::1]:80". */
export function formatEndpoint(endpoint: Endpoint | ListenAddress): string {
  return endpoint.family === 6
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
