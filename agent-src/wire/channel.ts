import type { ResetCode } from "./codes.ts";
import type { Endpoint, Target } from "./target.ts";

/**
 * What a channel's user is told. Calls come one after the other, from the link's turn; `reset` is the last
 * one. A method that throws resets its channel with `Internal` and nothing else.
 */
export interface ChannelHandler {
  /** The agent has reached the target; `bound` is its own end of that flow, where known. */
  opened?(channel: Channel, bound: Endpoint | undefined): void;
  /** The bytes stay untouched for as long as they are referred to. Give them back with `consume`. */
  data(channel: Channel, bytes: Uint8Array): void;
  /** Once after the `data` calls of one input: the moment to write what was gathered. */
  turn?(channel: Channel): void;
  /** The peer sends nothing more; this end may go on. */
  end(channel: Channel): void;
  /** The channel is gone, by the peer or with the link. Not called after this end's own `reset`. */
  reset(channel: Channel, code: ResetCode, detail: string): void;
  /** `write` may be called again, after it had returned false. */
  writable(channel: Channel): void;
}

/** One multiplexed flow. Made by `Mux.open` and by the peer's OPEN, never by hand. */
export declare class Channel {
  readonly id: number;
  readonly target: Target;
  /** Set by whoever opens or accepts the channel; `splice` sets its own. */
  handler: ChannelHandler | undefined;

  /** Agent: the target is reached. */
  accept(bound?: Endpoint): void;
  /** Queues bytes without copying them. False: enough for now, wait for `writable`. On a closed channel: dropped. */
  write(bytes: Uint8Array): boolean;
  /** Half close, after what was written. Twice is harmless. */
  end(): void;
  /** Drops what was not sent yet and tells the peer why. On a closed channel: nothing. */
  reset(code: ResetCode, detail?: string): void;
  /** These many received bytes have been taken; their credit goes back to the peer. */
  consume(bytes: number): void;
  /** Nothing more can be sent or received. */
  get isClosed(): boolean;
}
