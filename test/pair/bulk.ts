/** A user of a channel for long hauls: it sends one block again and again, and counts what it takes instead of looking at it. */
import type { Channel, ChannelHandler } from "../../agent-src/wire/channel.ts";
import type { ResetCode } from "../../agent-src/wire/codes.ts";

export const BLOCK_BYTES = 16_384;
const BLOCK = new Uint8Array(BLOCK_BYTES);

export class Bulk implements ChannelHandler {
  takenBytes = 0;
  resetCode: ResetCode | undefined;
  readonly channel: Channel;
  private readonly takes: boolean;

  /** `takes`: or else it only holds what comes. */
  constructor(channel: Channel, { takes = true }: { readonly takes?: boolean } = {}) {
    this.channel = channel;
    this.takes = takes;
    channel.handler = this;
  }

  pour(): this {
    while (this.channel.write(BLOCK));
    return this;
  }

  data(channel: Channel, bytes: Uint8Array): void {
    if (!this.takes) return;
    this.takenBytes += bytes.length;
    channel.consume(bytes.length);
  }

  end(): void {
    this.channel.end();
  }

  reset(_channel: Channel, code: ResetCode): void {
    this.resetCode = code;
  }

  writable(): void {
    this.pour();
  }
}
