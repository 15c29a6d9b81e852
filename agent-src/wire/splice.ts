import type { Channel } from "./channel.ts";

/** What `splice` needs of a net.Socket (allowHalfOpen: true). */
export interface SpliceSocket {
  write(bytes: Uint8Array, written: (error?: Error | null) => void): boolean;
  end(): unknown;
  destroy(): unknown;
  resetAndDestroy?(): unknown;
  pause(): unknown;
  resume(): unknown;
  cork(): void;
  uncork(): void;
  setTimeout(ms: number): unknown;
  on(event: string, listener: (value: unknown) => void): unknown;
}

export interface SpliceOptions {
  /** Silence after which an open flow is reset, ms. Default 0 = never. */
  readonly idleMs?: number;
  /** Silence after which a flow with one direction ended is reset, ms. Default 7,440,000. Source: RFC 5382 REQ-5. */
  readonly halfCloseMs?: number;
  /** Both are closed. */
  closed?(): void;
}

/**
 * Joins a channel and a socket until both are closed: bytes both ways with back-pressure, half close, reset.
 * Becomes the channel's handler. May be called before the socket is connected or the channel opened.
 */
export declare function splice(channel: Channel, socket: SpliceSocket, options?: SpliceOptions): void;
