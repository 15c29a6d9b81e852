/** A channel whose target is not there yet: what comes is kept, at most one window, and told later. */
import type { Channel, ChannelHandler } from "./channel.ts";
import type { ResetCode } from "./codes.ts";

export class HeldChannel implements ChannelHandler {
  private readonly channel: Channel;
  private readonly pieces: Uint8Array[];
  private hasEnded: boolean;
  private resetWith: [ResetCode, string] | undefined;

  constructor(channel: Channel) {
    this.channel = channel;
    this.pieces = [];
    this.hasEnded = false;
    this.resetWith = undefined;
    channel.handler = this;
  }

  data(_channel: Channel, bytes: Uint8Array): void {
    this.pieces.push(bytes);
  }

  end(): void {
    this.hasEnded = true;
  }

  reset(_channel: Channel, code: ResetCode, detail: string): void {
    this.resetWith = [code, detail];
  }

  writable(): void {
    // Nothing is written.
  }

  /** Tells everything to the handler that the channel has got by now. */
  release(): void {
    const { channel } = this;
    const { handler } = channel;
    if (!handler || handler === this) return;
    for (const bytes of this.pieces) handler.data(channel, bytes);
    if (this.pieces.length > 0 && handler.turn) handler.turn(channel);
    if (this.hasEnded) handler.end(channel);
    if (this.resetWith) handler.reset(channel, this.resetWith[0], this.resetWith[1]);
  }
}
