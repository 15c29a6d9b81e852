import type { Channel, ChannelHandler } from "./channel.ts";
import type { GoAway } from "./codes.ts";
import type { Hello, LinkEnd, Mux } from "./mux.ts";
import type { Target } from "./target.ts";

/** Where the peer's bytes come from. Node's Readable and net.Socket fit. */
export interface ByteSource {
  on(event: string, listener: (value: Uint8Array) => void): unknown;
}

/** Where our bytes go. Node's Writable and net.Socket fit. */
export interface ByteSink {
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  cork(): void;
  uncork(): void;
  on(event: string, listener: (value: unknown) => void): unknown;
}

export interface LinkOptions {
  /** May have transmitted and opened already: that is how the hello travels with the bootstrap. */
  readonly mux: Mux;
  readonly input: ByteSource;
  readonly output: ByteSink;
  /** The peer's hello has arrived: the session stands. */
  hello?(hello: Hello): void;
  /** Agent: the peer opens a channel. Set `channel.handler` before returning; accept or reset, now or later. */
  open?(channel: Channel): void;
  /** Exactly once, after every channel's handler was told. */
  ended(end: LinkEnd): void;
  /** A handler threw; its channel has been reset. */
  fault?(error: unknown, channel: Channel): void;
}

/** The loop both ends run: one input, then drain. */
export declare class Link {
  constructor(options: LinkOptions);
  open(target: Target, handler?: ChannelHandler): Channel;
  goAway(code: GoAway, detail?: string): void;
}
