import assert from "node:assert/strict";
import type { Channel, ChannelHandler } from "../../agent-src/wire/channel.ts";
import type { ResetCode } from "../../agent-src/wire/codes.ts";
import type { World } from "./world.ts";

/** Byte number `at` of what an end sends on a channel: nothing that repeats with a power of two. */
const byteAt = (seed: number, at: number): number => (seed * 31 + at * 7 + Math.floor(at / 251)) & 255;

export interface FlowOptions {
  readonly seed: number;
  /** Bytes to send, then end. */
  readonly sendBytes?: number;
  /** Bytes per write. */
  readonly writeBytes?: number;
  /** How long received bytes are held before they are consumed; Infinity: for good. */
  readonly holdMs?: number;
  /** End only after the peer has. */
  readonly endsLast?: boolean;
  readonly neverEnds?: boolean;
}

/** Takes a channel that the other end opened, and starts. */
export function answer(world: World, channel: Channel, options: FlowOptions): Flow {
  channel.accept();
  return new Flow(world, channel, options).start();
}

/** A user of a channel that sends known bytes and checks those that arrive. */
export class Flow implements ChannelHandler {
  receivedBytes = 0;
  /** Received and not consumed. */
  heldBytes = 0;
  maxHeldBytes = 0;
  hasEnded = false;
  wasOpened = false;
  resetCode: ResetCode | undefined;
  resetDetail = "";
  doneMs: number = NaN;
  readonly channel: Channel;
  private readonly world: World;
  private readonly options: FlowOptions;
  private sentBytes = 0;
  private isBlocked = false;

  constructor(world: World, channel: Channel, options: FlowOptions) {
    this.world = world;
    this.channel = channel;
    this.options = options;
    channel.handler = this;
  }

  start(): this {
    const { seed, sendBytes = 0, writeBytes = 16_384, endsLast, neverEnds } = this.options;
    while (this.sentBytes < sendBytes && !this.isBlocked) {
      const length = Math.min(writeBytes, sendBytes - this.sentBytes);
      const bytes = Uint8Array.from({ length }, (_, i) => byteAt(seed, this.sentBytes + i));
      this.sentBytes += length;
      this.isBlocked = !this.channel.write(bytes);
    }
    if (this.sentBytes === sendBytes && !neverEnds && (!endsLast || this.hasEnded)) this.channel.end();
    return this;
  }

  opened(): void {
    assert.ok(!this.wasOpened);
    this.wasOpened = true;
  }

  data(channel: Channel, bytes: Uint8Array): void {
    assert.ok(!this.hasEnded && this.resetCode === undefined, "data after the end");
    for (const [i, byte] of bytes.entries())
      if (byte !== byteAt(this.options.seed, this.receivedBytes + i))
        assert.fail(`byte ${this.receivedBytes + i} of channel ${channel.id} is wrong`);
    this.receivedBytes += bytes.length;
    this.heldBytes += bytes.length;
    this.maxHeldBytes = Math.max(this.maxHeldBytes, this.heldBytes);
    const { holdMs = 0 } = this.options;
    if (holdMs !== Infinity) this.world.after(holdMs, () => this.release(bytes.length));
  }

  /** Consumes what is held. */
  release(bytes: number = this.heldBytes): void {
    this.heldBytes -= bytes;
    this.channel.consume(bytes);
  }

  end(): void {
    assert.ok(!this.hasEnded);
    this.hasEnded = true;
    this.doneMs = this.world.nowMs;
    this.start();
  }

  reset(_channel: Channel, code: ResetCode, detail: string): void {
    assert.equal(this.resetCode, undefined, "reset twice");
    this.resetCode = code;
    this.resetDetail = detail;
  }

  writable(): void {
    assert.ok(this.isBlocked, "writable without having been blocked");
    this.isBlocked = false;
    this.start();
  }
}
