/** A TCP connection to a host, and what is below an ssh connection in general. */
import { once } from "node:events";
import { connect, isIPv6 } from "node:net";
import type { Duplex } from "node:stream";
import type { HostSettings } from "./host-settings.ts";
import { routeError, unreachable } from "./route-errors.ts";

export interface Peer {
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
}

export interface OpenedPipe {
  readonly stream: Duplex;
  /** The far end, where it is a socket of this process. */
  readonly peer: Peer | undefined;
  /** The process that holds the connection, where it is another one. */
  readonly pid: number | undefined;
}

/** @throws BootstrapError "ssh-unreachable", "ssh-unresolved". */
export async function openSocket(
  settings: HostSettings,
  where: string,
  signal: AbortSignal,
): Promise<OpenedPipe> {
  const { hostname, port, addressFamily, bindAddress, connectTimeoutMs } = settings;
  const socket = connect({
    host: hostname,
    port,
    family: addressFamily,
    // Every write is a frame of the tunnel, which must not wait for an acknowledgement of the one before.
    noDelay: true,
    keepAlive: true,
    ...(bindAddress === undefined ? {} : { localAddress: bindAddress }),
  });
  const timer =
    connectTimeoutMs === undefined
      ? undefined
      : setTimeout(() => socket.destroy(new TimeoutError()), connectTimeoutMs);
  const stop = (): void => void socket.destroy(new Error("stopped"));
  signal.addEventListener("abort", stop, { once: true });
  try {
    await once(socket, "connect");
  } catch (error) {
    socket.destroy();
    if (error instanceof TimeoutError) {
      const hint =
        "check address, port, and the networks and firewalls on the way, or set a longer ConnectTimeout";
      throw unreachable(where, `no connection within ${(connectTimeoutMs ?? 0) / 1000} s`, hint, error);
    }
    throw routeError(where, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
  return { stream: socket, peer: peerOf(socket.remoteAddress, socket.remotePort), pid: undefined };
}

class TimeoutError extends Error {}

/** An IPv4 address inside an IPv6 one is given as IPv4: so the packet filter sees it. */
function peerOf(remote: string | undefined, port: number | undefined): Peer | undefined {
  if (remote === undefined || port === undefined) return undefined;
  const address = remote.replace(/^::ffff:(?=\d+\.)/, "").replace(/%.*$/, "");
  return { family: isIPv6(address) ? 6 : 4, address, port };
}
