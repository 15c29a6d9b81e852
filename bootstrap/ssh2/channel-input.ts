/** stdin of a remote command, there before the connection is. */
import { Writable } from "node:stream";
import type { Duplex } from "node:stream";

/** What may wait here: more would only stand in line before what is urgent. */
const HIGH_WATER_BYTES = 65_536;

/**
 * Holds what is written until attach(), and from then on takes a piece when the one before has left: ssh2 itself
 * accepts whatever fits the remote's window of 2 MiB, and buffers it without a limit of its own in the socket.
 */
export class ChannelInput extends Writable {
  private channel: Writable | undefined;
  private below: Duplex | undefined;
  private waiting: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: HIGH_WATER_BYTES });
    // Why nobody reads any more, says the exit.
    this.on("error", () => undefined);
  }

  attach(channel: Writable, pipe: Duplex): void {
    this.channel = channel;
    this.below = pipe;
    this.waiting?.();
    this.waiting = undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.whenAttached((channel, pipe) => {
      channel.write(chunk, (error) => {
        if (error || !pipe.writableNeedDrain) callback(error);
        else pipe.once("drain", callback);
      });
    });
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.whenAttached((channel) => {
      channel.end();
      callback();
    });
  }

  private whenAttached(use: (channel: Writable, pipe: Duplex) => void): void {
    const { channel, below } = this;
    if (channel !== undefined && below !== undefined) use(channel, below);
    else this.waiting = () => this.whenAttached(use);
  }
}
