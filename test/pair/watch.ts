import assert from "node:assert/strict";
import { Frame, readU32 } from "../../agent-src/wire/frame.ts";
import { FrameReader } from "../../agent-src/wire/frame-reader.ts";

/** Listens to one sender and holds it to the rules: no DATA beyond its credit or beyond the cap in flight. */
export class Watch {
  dataFrames = 0;
  /** Channels in the order of their DATA frames. */
  readonly order: number[] = [];
  maxFlightBytes = 0;
  private readonly capBytes: number;
  private readonly sent = new FrameReader();
  private readonly heard = new FrameReader();
  private readonly credits = new Map<number, number>();
  private initialBytes = 65_536;
  private sentBytes = 0;
  private ackedBytes = 0;

  constructor(capBytes: number) {
    this.capBytes = capBytes;
  }

  /** What the sender hands to the link. */
  sends(bytes: Uint8Array): void {
    this.sent.push(bytes);
    while (this.sent.next()) {
      const { type, channel, payload } = this.sent;
      if (channel === 0) continue;
      this.sentBytes += this.sent.bytes;
      if (type !== Frame.Data) continue;
      const credit = this.creditOf(channel) - payload.length;
      assert.ok(credit >= 0, `channel ${channel} sent ${-credit} bytes more than its window`);
      this.credits.set(channel, credit);
      const flightBytes = this.sentBytes - this.ackedBytes;
      assert.ok(flightBytes <= this.capBytes, `${flightBytes} bytes in flight, ${this.capBytes} allowed`);
      this.maxFlightBytes = Math.max(this.maxFlightBytes, flightBytes);
      this.dataFrames++;
      this.order.push(channel);
    }
  }

  /** What has arrived at the sender. */
  hears(bytes: Uint8Array): void {
    this.heard.push(bytes);
    while (this.heard.next()) {
      const { type, channel, payload } = this.heard;
      if (type === Frame.Hello) {
        const more = readU32(payload, 4) - this.initialBytes;
        this.initialBytes += more;
        for (const [id, credit] of this.credits) this.credits.set(id, credit + more);
      }
      if (type === Frame.Window) this.credits.set(channel, this.creditOf(channel) + readU32(payload, 0));
      if (type === Frame.Ack) this.ackedBytes = readU32(payload, 0) * 2 ** 32 + readU32(payload, 4);
    }
  }

  private creditOf(channel: number): number {
    return this.credits.get(channel) ?? this.initialBytes;
  }
}
