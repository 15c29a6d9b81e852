/** The proxy port: reads what a client asks for, opens it through the tunnel, answers, and joins the two. */
import type { Socket } from "node:net";
import type { Channel, ChannelHandler } from "../../agent-src/wire/channel.ts";
import { ResetCode } from "../../agent-src/wire/codes.ts";
import { splice } from "../../agent-src/wire/splice.ts";
import type { ListenAddress } from "../listen-address.ts";
import type { Log } from "../log.ts";
import type { Tunnel } from "../tunnel.ts";
import { listen } from "./listener.ts";
import type { Listener } from "./listener.ts";
import { noteReset, resetName } from "./reset-log.ts";
import { ProxyRequestReader, encodeFailure, encodeSuccess } from "./socks-protocol.ts";
import type { Dialect, ProxyFailure, ProxyTarget } from "./socks-protocol.ts";

/** How long a client may take to say what it wants. */
const REQUEST_TIMEOUT_MS = 30_000;

/** How long a refused client may take to close its side. */
const LINGER_MS = 5000;

const FAILURE: ReadonlyMap<ResetCode, ProxyFailure> = new Map([
  [ResetCode.Refused, "refused"],
  [ResetCode.HostUnreachable, "host-unreachable"],
  [ResetCode.NameNotFound, "host-unreachable"],
  [ResetCode.NetworkUnreachable, "network-unreachable"],
  [ResetCode.TimedOut, "timed-out"],
  [ResetCode.Forbidden, "forbidden"],
]);

/**
 * Listens for proxy clients. The tunnel may be not there yet; clients that come before it are reset.
 * @throws ClientError "listen-failed".
 */
export function startSocks(
  address: ListenAddress,
  tunnel: () => Tunnel | undefined,
  log: Log,
): Promise<Listener> {
  return listen(address, (socket) => {
    const there = tunnel();
    if (there === undefined) socket.resetAndDestroy();
    else serveProxyClient(socket, there, log);
  });
}

function serveProxyClient(socket: Socket, tunnel: Tunnel, log: Log): void {
  const reader = new ProxyRequestReader();
  const give = (bytes: Uint8Array): void => {
    let step = reader.push(bytes);
    while (step.type === "reply") {
      socket.write(step.bytes);
      step = reader.push(new Uint8Array(0));
    }
    if (step.type === "more") return;
    stopReading();
    if (step.type === "refuse") {
      log(1, `refused a proxy client: ${step.reason}`);
      finish(socket, step.bytes);
    } else {
      openTarget(socket, tunnel, step.dialect, step.target, step.rest, log);
    }
  };
  const giveUp = (): void => void socket.destroy();
  const stopReading = (): void => {
    socket.pause().setTimeout(0);
    socket.off("data", give).off("end", giveUp).off("timeout", giveUp).off("error", giveUp);
  };
  socket.setTimeout(REQUEST_TIMEOUT_MS);
  socket.on("data", give).on("end", giveUp).on("timeout", giveUp).on("error", giveUp).resume();
}

function openTarget(
  socket: Socket,
  tunnel: Tunnel,
  dialect: Dialect,
  target: ProxyTarget,
  rest: Uint8Array,
  log: Log,
): void {
  const host = target.type === "name" ? target.name : target.address;
  const destination = `${host} port ${target.port}`;
  const note = noteReset(tunnel.counts, log, () => destination);
  const giveUp = (): void => channel.reset(ResetCode.Aborted);
  const handler: ChannelHandler = {
    opened: () => {
      socket.off("error", giveUp).off("close", giveUp);
      socket.write(encodeSuccess(dialect));
      splice(channel, socket, { reset: note });
      socket.resume();
    },
    reset: (_channel, code, detail) => {
      note(code, detail);
      finish(socket, encodeFailure(dialect, FAILURE.get(code) ?? "general"));
    },
    // An agent says opened first; one that does not is not worth a guess.
    data: () => abandon(channel, socket, dialect),
    end: () => abandon(channel, socket, dialect),
    writable: () => {},
  };
  const channel: Channel = tunnel.open({ kind: "tcp", host, port: target.port }, handler);
  log(1, `proxy client to ${destination}: channel ${channel.id}`);
  socket.on("error", giveUp).on("close", giveUp);
  // What the client sent behind its request travels with the open: no round trip is lost.
  if (rest.length > 0) channel.write(rest);
}

function abandon(channel: Channel, socket: Socket, dialect: Dialect): void {
  channel.reset(ResetCode.Internal, resetName(ResetCode.Internal));
  finish(socket, encodeFailure(dialect, "general"));
}

/** Says the last words and closes. */
function finish(socket: Socket, bytes: Uint8Array): void {
  socket.on("error", () => {});
  // Reading on keeps a late byte of the client from turning our answer into a reset.
  socket.resume().setTimeout(LINGER_MS, () => socket.destroy());
  socket.end(bytes);
}
