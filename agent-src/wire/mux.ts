import type { Channel, ChannelHandler } from "./channel.ts";
import type { GoAway, ResetCode } from "./codes.ts";
import type { Endpoint, Target } from "./target.ts";

export interface MuxOptions {
  /** The client opens channels with odd numbers; the agent would with even ones. */
  readonly role: "client" | "agent";
  /** Bytes that the peer may send on a channel before any is consumed. Default 1 MiB, at least 64 KiB. */
  readonly windowBytes?: number;
  /** Channels that the peer may have open. Default and most: 65,536. */
  readonly maxChannels?: number;
  /** Link bytes sent and not acknowledged. Default 2 MiB. */
  readonly flightBytes?: number;
  /** Silence after which a PING is sent. Default 15,000. */
  readonly pingMs?: number;
  /** Silence after which the link counts as lost. Default 45,000. */
  readonly lostMs?: number;
}

export interface Hello {
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly windowBytes: number;
  readonly maxChannels: number;
  readonly capabilities: number;
}

/** Why the link is over. */
export interface LinkEnd {
  /** `local`: this end said go-away. `peer`: the other did. `lost`: the pipe ended or broke, or went silent. */
  readonly by: "local" | "peer" | "lost";
  readonly code: GoAway;
  readonly detail: string;
}

export type MuxEvent =
  | { readonly type: "hello"; readonly hello: Hello }
  | { readonly type: "open"; readonly channel: Channel }
  | { readonly type: "opened"; readonly channel: Channel; readonly bound: Endpoint | undefined }
  | { readonly type: "data"; readonly channel: Channel; readonly bytes: Uint8Array }
  | { readonly type: "end"; readonly channel: Channel }
  | { readonly type: "reset"; readonly channel: Channel; readonly code: ResetCode; readonly detail: string }
  | { readonly type: "writable"; readonly channel: Channel }
  | { readonly type: "closed"; readonly end: LinkEnd };

/** The protocol of one end without I/O: bytes and times in, bytes and events out. */
export declare class Mux {
  /** Rung when there may be something to transmit because of a local call. Set by the link. */
  onWork: () => void;
  constructor(options: MuxOptions, nowMs: number);
  receive(bytes: Uint8Array, nowMs: number): void;
  pollEvent(): MuxEvent | undefined;
  /** The next bytes for the link, at most about `maxBytes`, or undefined. The first ones hold the hello. */
  pollTransmit(maxBytes: number, nowMs: number): Uint8Array[] | undefined;
  /** When to call `handleTimeout`, on the same clock; Infinity once closed. */
  nextTimeoutMs(): number;
  handleTimeout(nowMs: number): void;
  /** Never throws: what is not possible (limit of the peer, closed link) arrives as a reset. */
  open(target: Target, handler?: ChannelHandler): Channel;
  /** Ends the session: every channel is gone, GO_AWAY is the last frame. */
  goAway(code: GoAway, detail?: string): void;
  /** The pipe is gone: nothing more can be sent. */
  lose(detail: string): void;
  /** Open channels, the peer's and our own. */
  get channelCount(): number;
  /** Last round trip seen by an acknowledgement, or NaN. */
  get rttMs(): number;
}
