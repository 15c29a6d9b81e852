/**
 * A tunnel without an agent: the agent's half of the link runs in this process, and reaches its targets by sshd's own
 * forwarding. For hosts that run no program of ours; the intakes see no difference.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import type { Channel } from "../agent-src/wire/channel.ts";
import { GoAway, ResetCode } from "../agent-src/wire/codes.ts";
import { Link, monotonicMs } from "../agent-src/wire/link.ts";
import { Mux } from "../agent-src/wire/mux.ts";
import { ReceiveMemory } from "../agent-src/wire/receive-memory.ts";
import { splice } from "../agent-src/wire/splice.ts";
import { linkStats } from "../agent-src/wire/stats.ts";
import type { Endpoint } from "../agent-src/wire/target.ts";
import type { SshuttleError } from "../bundler/error.ts";
import { printable } from "../bundler/printable.ts";
import { ClientError } from "./errors.ts";
import { REPLY_BYTES, encodeConnect, isGranted } from "./forwarding/socks4a.ts";
import type { SshForwarding } from "./forwarding/ssh-forwarding.ts";
import { LastLines } from "./last-lines.ts";
import type { Log } from "./log.ts";
import { ChannelCounts } from "./statistics/channel-counts.ts";
import type { Tunnel } from "./tunnel.ts";

/** Joins the intakes to a forwarding; closing the tunnel ends the forwarding as well. */
export function openForwardedTunnel(forwarding: SshForwarding, log: Log): Tunnel {
  const lines = new LastLines();
  forwarding.onWords = (text) => {
    // Its words name no connection, only a number of its own: at -v they are better than nothing.
    for (const line of lines.push(text)) log(1, `ssh: ${printable(line)}`);
  };
  const there = new PassThrough();
  const back = new PassThrough();
  const fault = (error: unknown, channel: Channel): void =>
    log(0, `channel ${channel.id} failed: ${String(error)}`);
  const [farMux, nearMux] = [new Mux("agent", monotonicMs()), new Mux("client", monotonicMs())];
  for (const mux of [farMux, nearMux]) mux.windows = new ReceiveMemory(mux, { rttMs: 0 });
  const far = new Link({
    mux: farMux,
    input: there,
    output: back,
    open: (channel) => {
      if (channel.target.kind === "tcp") connectBy(forwarding.port, channel, channel.target);
    },
    ended: () => back.end(),
    fault,
  });
  const near = new Link({
    mux: nearMux,
    input: back,
    output: there,
    ended: () => undefined,
    fault,
  });
  const counts = new ChannelCounts();
  let isClosing = false;
  const lost = new Promise<SshuttleError>((resolve) => {
    void forwarding.ended.then((reason) => {
      if (isClosing) return;
      near.goAway(GoAway.Normal);
      resolve(
        new ClientError("link-lost", `Lost the forwarding: ${reason.message}`, {
          cause: reason,
          hint: "start again; captured connections have been reset",
        }),
      );
    });
  });
  return {
    farSide: "forwarding by sshd, no agent",
    pid: forwarding.pid,
    peers: [],
    open: (target, handler) => {
      counts.opened++;
      return near.open(target, handler);
    },
    counts,
    figures: async () => ({ near: linkStats(near.mux), far: linkStats(far.mux), isForwarding: true }),
    // The other half of the link has it then, in this process.
    isFlushed: () => false,
    lost,
    close: async () => {
      isClosing = true;
      near.goAway(GoAway.Normal);
      far.goAway(GoAway.Normal);
      await forwarding.close();
    },
  };
}

/**
 * ssh grants every request at once, and closes the connection when sshd has refused it: an end without a byte is taken
 * for a refusal. A target that has nothing to say and closes looks the same; better a reset than an empty answer.
 */
function connectBy(socksPort: number, channel: Channel, { host, port }: Endpoint): void {
  const request = encodeConnect(host, port);
  if (request === undefined) {
    channel.reset(ResetCode.NameNotFound, "no such name can be asked for");
    return;
  }
  const socket: Socket = connect({ host: "127.0.0.1", port: socksPort, allowHalfOpen: true, noDelay: true });
  // What the application says first does not wait for the answer; the channel's window bounds it.
  const early: Uint8Array[] = [];
  let isEndedEarly = false;
  const fail = (): void => {
    socket.destroy();
    channel.reset(ResetCode.Refused, "sshd did not forward it");
  };
  const readReply = (): void => {
    const reply: Buffer | null = socket.read(REPLY_BYTES);
    if (reply === null) return;
    socket.off("readable", readReply).off("error", fail).off("end", fail);
    if (reply.length < REPLY_BYTES || !isGranted(reply)) {
      fail();
      return;
    }
    socket.on("end", () => {
      if (socket.bytesRead <= REPLY_BYTES) fail();
    });
    channel.accept();
    splice(channel, socket);
    for (const bytes of early) channel.handler?.data(channel, bytes);
    channel.handler?.turn?.(channel);
    if (isEndedEarly) channel.handler?.end(channel);
  };
  channel.handler = {
    data: (_channel, bytes) => void early.push(bytes),
    end: () => (isEndedEarly = true),
    writable: () => undefined,
    reset: () => socket.destroy(),
  };
  socket.on("readable", readReply).on("error", fail).on("end", fail);
  socket.write(request);
}
