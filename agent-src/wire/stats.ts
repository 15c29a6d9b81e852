/** What an end knows of its half of the link, as numbers; and the agent's half told to the client (README.md, 4). */
import type { Channel, ChannelHandler } from "./channel.ts";
import { FLIGHT_BYTES } from "./flight.ts";
import { LinkControl } from "./link-control.ts";
import type { ControlState } from "./link-control.ts";
import type { Mux } from "./mux.ts";

/** First byte of the OPEN that asks for it. */
export const STATS_KIND = 4;

/** Bytes of an answer at most: three times what it takes. */
export const MAX_STATS_BYTES = 1024;

/** "Sent" and all that follows from it is about the direction that this end sends in. */
export interface LinkStats {
  /** Link bytes since the beginning. */
  readonly sentBytes: number;
  readonly ackedBytes: number;
  readonly receivedBytes: number;
  /** In flight at most, for now. */
  readonly capBytes: number;
  /** Written to channels and not sent yet. */
  readonly queuedBytes: number;
  /** Estimated rate of the path, bytes per second; null without control, and before the first estimate. */
  readonly bytesPerS: number | null;
  /** Shortest round trip, ms; null as above. */
  readonly minRttMs: number | null;
  readonly control: ControlState | "none";
  /** Connections open: channels of kind tcp. */
  readonly connections: number;
}

/** A snapshot; the mux goes on as if nothing were. */
export function linkStats({ flight, receipts, channels, queuedBytes }: Mux): LinkStats {
  const { sentBytes, ackedBytes } = flight;
  const control = flight.control instanceof LinkControl ? flight.control : undefined;
  let connections = 0;
  for (const { target, isClosed } of channels.values()) if (target.kind === "tcp" && !isClosed) connections++;
  return {
    sentBytes,
    ackedBytes,
    receivedBytes: receipts.bytes,
    capBytes: control ? control.capBytes : flight.maxBytes || FLIGHT_BYTES,
    queuedBytes,
    bytesPerS: control && control.rate > 0 ? Math.round(control.rate * 1000) : null,
    minRttMs: control && control.minRttMs < Infinity ? Math.round(control.minRttMs * 1000) / 1000 : null,
    control: control ? control.state : "none",
    connections,
  };
}

const DEAF: ChannelHandler = {
  data: (channel) => channel.reset(),
  end: () => undefined,
  reset: () => undefined,
  writable: () => undefined,
};

/** Answers a channel of that kind: a snapshot as JSON, which is ASCII, and the end. */
export function tellStats(channel: Channel, mux: Mux): void {
  channel.handler = DEAF;
  channel.accept();
  channel.write(Uint8Array.from(JSON.stringify(linkStats(mux)), (char) => char.charCodeAt(0)));
  channel.end();
}
