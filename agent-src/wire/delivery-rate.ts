/**
 * How fast the peer gets what is sent, one sample for each acknowledgement.
 * Source: draft-cheng-iccrg-delivery-rate-estimation-02, 3 (bytes of the link instead of packets of TCP).
 *
 * A sample is the bytes delivered between the sending and the acknowledgement of one batch, over the longer of the
 * times that sending and receiving them took: so a burst sent does not look like a fast link. Of receiving it is the
 * peer's clock that tells; what acknowledgements meet on their way back, our peer's own bulk for one, plays no part.
 */
import { Fifo } from "./fifo.ts";

/** What is sent at one time is one batch up to so many bytes, so that a burst is not one long round trip. */
const BATCH_BYTES = 2048;

/** Batches kept apart; more in flight at a time are taken for one. */
const MAX_BATCHES = 1024;

/** What was known when a batch was sent. */
interface Batch {
  /** Link bytes sent, this batch included. */
  endBytes: number;
  bytes: number;
  sentMs: number;
  readonly deliveredBytes: number;
  /** By the peer's clock; undefined if nothing was in flight. */
  readonly deliveredMs: number | undefined;
  readonly firstSentMs: number;
  readonly isAppLimited: boolean;
}

export interface RateSample {
  /** Bytes per millisecond; 0 if no time has passed. */
  readonly rate: number;
  /** Since the sending of the latest batch that is acknowledged, ms. */
  readonly rttMs: number;
  /** From then to its being received, ms, but for a constant: two clocks tell. */
  readonly forwardMs: number;
  /** Less was sent than the link would have carried. */
  readonly isAppLimited: boolean;
  /** Link bytes that were delivered when that batch was sent: rounds are counted by it. */
  readonly priorBytes: number;
}

export class DeliveryRate {
  sentBytes: number;
  deliveredBytes: number;
  private deliveredMs: number | undefined;
  private firstSentMs: number;
  /**
   * What is sent up to here was sent, in part, while there was room for more; -1: nothing was. What is sent when just
   * that has been delivered counts as well: key strokes, one after the other on an idle link, are no measure of it.
   */
  private appLimitedBytes: number;
  private last: Batch | undefined;
  private readonly batches: Fifo<Batch>;

  constructor(sentBytes: number = 0, deliveredBytes: number = 0) {
    this.sentBytes = sentBytes;
    this.deliveredBytes = deliveredBytes;
    this.deliveredMs = undefined;
    this.firstSentMs = 0;
    this.appLimitedBytes = -1;
    this.last = undefined;
    this.batches = new Fifo();
  }

  get flightBytes(): number {
    return this.sentBytes - this.deliveredBytes;
  }

  sent(bytes: number, nowMs: number): void {
    if (this.flightBytes === 0) {
      this.firstSentMs = nowMs;
      this.deliveredMs = undefined;
    }
    this.sentBytes += bytes;
    const { last } = this;
    if (last && this.batches.length > 0 && this.mayJoin(last, bytes, nowMs)) {
      last.endBytes = this.sentBytes;
      last.bytes += bytes;
      last.sentMs = nowMs;
      return;
    }
    this.last = {
      endBytes: this.sentBytes,
      bytes,
      sentMs: nowMs,
      deliveredBytes: this.deliveredBytes,
      deliveredMs: this.deliveredMs,
      firstSentMs: this.firstSentMs,
      isAppLimited: this.appLimitedBytes >= this.deliveredBytes,
    };
    this.batches.push(this.last);
  }

  private mayJoin(last: Batch, bytes: number, nowMs: number): boolean {
    return (last.sentMs === nowMs && last.bytes + bytes <= BATCH_BYTES) || this.batches.length >= MAX_BATCHES;
  }

  /** There is nothing more to send, though there would be room. */
  ranDry(): void {
    this.appLimitedBytes = Math.max(this.sentBytes, 1);
  }

  /** `total`: link bytes acknowledged in all; `peerMs`: when the last was received. A sample if that completes a batch. */
  acknowledged(total: number, nowMs: number, peerMs: number): RateSample | undefined {
    if (total <= this.deliveredBytes) return undefined;
    this.deliveredBytes = total;
    this.deliveredMs = peerMs;
    let batch: Batch | undefined;
    for (let next = this.batches.peek(); next && next.endBytes <= total; next = this.batches.peek()) {
      batch = next;
      this.batches.shift();
    }
    if (!batch) return undefined;
    this.firstSentMs = batch.sentMs;
    // What was sent into an empty flight has nothing before it that was received: it takes a round trip.
    const receivingMs =
      batch.deliveredMs === undefined ? nowMs - batch.firstSentMs : peerMs - batch.deliveredMs;
    const intervalMs = Math.max(batch.sentMs - batch.firstSentMs, receivingMs);
    return {
      rate: intervalMs > 0 ? (total - batch.deliveredBytes) / intervalMs : 0,
      rttMs: nowMs - batch.sentMs,
      forwardMs: peerMs - batch.sentMs,
      isAppLimited: batch.isAppLimited,
      priorBytes: batch.deliveredBytes,
    };
  }
}
