import { connect } from "net";
import type { Socket } from "net";
import type { Channel } from "../wire/channel.ts";
import { splice } from "../wire/splice.ts";
import type { Endpoint } from "../wire/target.ts";

export interface TcpOptions {
  /** Silence after which a connect is given up, ms. 0 = when the kernel does (Linux: about 130 s). */
  readonly connectMs?: number | undefined;
  /** See `SpliceOptions`. */
  readonly idleMs?: number | undefined;
  readonly halfCloseMs?: number | undefined;
  /** In place of net.connect, once it has come: see bulk-connect.ts. */
  connect?: ((target: Endpoint & { readonly allowHalfOpen: boolean }) => Socket) | undefined;
}

/** Connects to an address or a name and joins the channel to it, whichever way that goes. */
export function connectTcp(channel: Channel, { host, port }: Endpoint, options: TcpOptions): void {
  const socket = (options.connect || connect)({ host, port, allowHalfOpen: true });
  socket.on("connect", () => {
    socket.setNoDelay(true);
    socket.setTimeout(options.idleMs || 0);
    channel.accept({ host: socket.localAddress || "0.0.0.0", port: socket.localPort || 0 });
  });
  splice(channel, socket, options);
  socket.setTimeout(options.connectMs || 0);
}
