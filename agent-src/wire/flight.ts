/**
 * What is on its way over the link. Link bytes are numbered in the order in which they are sent; the peer
 * acknowledges how many it has received.
 *
 * This is the seam for link control: `room` is the only thing that holds DATA back, and `sent` and
 * `acknowledged` see every byte with its time, which is what an estimate of delivery rate and round trip
 * needs. A resume would keep the bytes between `ackedBytes` and `sentBytes` here.
 */
import { PeerError } from "./codes.ts";

/**
 * Bytes in flight at most: OpenSSH's own channel window, which would stop us there anyway; more would only
 * stand in queues. Source: channels.h, CHAN_SES_WINDOW_DEFAULT.
 */
export const FLIGHT_BYTES = 2_097_152;

export class Flight {
  sentBytes: number;
  ackedBytes: number;
  /** The last round trip seen, ms, or NaN. An acknowledgement may be late by `ACK_DELAY_MS`. */
  rttMs: number;
  private readonly capBytes: number;
  /** One sample at a time: when `probeBytes` are acknowledged, `probeMs` was a round trip ago. */
  private probeBytes: number;
  private probeMs: number;

  constructor(capBytes: number) {
    this.sentBytes = 0;
    this.ackedBytes = 0;
    this.rttMs = NaN;
    this.capBytes = capBytes;
    this.probeBytes = 0;
    this.probeMs = 0;
  }

  /** Link bytes that may be sent now; below zero if small frames, which do not wait, went over the cap. */
  get room(): number {
    return this.ackedBytes + this.capBytes - this.sentBytes;
  }

  sent(bytes: number, nowMs: number): void {
    this.sentBytes += bytes;
    if (this.probeBytes > this.ackedBytes) return;
    this.probeBytes = this.sentBytes;
    this.probeMs = nowMs;
  }

  /** @throws PeerError for bytes never sent, or fewer than before. */
  acknowledged(total: number, nowMs: number): void {
    if (total < this.ackedBytes || total > this.sentBytes)
      throw new PeerError(
        `take acknowledgement of ${total} bytes`,
        `${this.ackedBytes} to ${this.sentBytes} are possible`,
      );
    if (this.probeBytes > this.ackedBytes && total >= this.probeBytes) this.rttMs = nowMs - this.probeMs;
    this.ackedBytes = total;
  }
}

/** Received link bytes after which an acknowledgement does not wait: half a read, 1/64 of the cap. */
export const ACK_BYTES = 32_768;

/** How long an acknowledgement may wait for company, ms: well below a round trip worth tuning for. */
export const ACK_DELAY_MS = 10;

/** What to acknowledge, and when. */
export class Receipts {
  bytes: number;
  /** When an acknowledgement falls due; Infinity if there is none or it is due already. */
  dueMs: number;
  isDue: boolean;
  private ackedBytes: number;

  constructor() {
    this.bytes = 0;
    this.dueMs = Infinity;
    this.isDue = false;
    this.ackedBytes = 0;
  }

  get isPending(): boolean {
    return this.bytes > this.ackedBytes;
  }

  received(bytes: number, nowMs: number): void {
    if (bytes > 0 && !this.isPending) this.dueMs = nowMs + ACK_DELAY_MS;
    this.bytes += bytes;
    if (this.bytes - this.ackedBytes >= ACK_BYTES) this.isDue = true;
  }

  handleTimeout(nowMs: number): void {
    if (nowMs < this.dueMs) return;
    this.dueMs = Infinity;
    this.isDue = true;
  }

  /** The total that goes into the ACK being written. */
  take(): number {
    this.dueMs = Infinity;
    this.isDue = false;
    return (this.ackedBytes = this.bytes);
  }
}
