import type { Channel, ChannelHandler } from "./channel.ts";
import { ResetCode } from "./codes.ts";

/** Reads a channel to its end and hands out all of it; ends the channel then. One that has more is reset. */
export class Collect implements ChannelHandler {
  private readonly maxBytes: number;
  private readonly done: (bytes: Uint8Array) => void;
  private readonly failed: (reason: string) => void;
  private bytes: Uint8Array;
  private used: number;

  constructor(maxBytes: number, done: (bytes: Uint8Array) => void, failed: (reason: string) => void) {
    this.maxBytes = maxBytes;
    this.done = done;
    this.failed = failed;
    this.bytes = new Uint8Array(0);
    this.used = 0;
  }

  data(channel: Channel, bytes: Uint8Array): void {
    const start = this.used;
    this.used += bytes.length;
    if (this.used > this.maxBytes) {
      const reason = `more than ${this.maxBytes} bytes`;
      channel.reset(ResetCode.Resource, reason);
      return this.failed(reason);
    }
    if (this.used > this.bytes.length) {
      const smaller = this.bytes;
      this.bytes = new Uint8Array(2 * this.used);
      this.bytes.set(smaller);
    }
    this.bytes.set(bytes, start);
    channel.consume(bytes.length);
  }

  end(channel: Channel): void {
    this.done(this.bytes.subarray(0, this.used));
    channel.end();
  }

  reset(_channel: Channel, code: ResetCode, detail: string): void {
    this.bytes = new Uint8Array(0);
    this.failed(detail || `reset ${code}`);
  }

  writable(): void {
    // Nothing is written.
  }
}
