/**
 * What is on its way over the link. Link bytes are numbered in the order in which they are sent; the peer
 * acknowledges how many it has received. `room` is the only thing that holds DATA back.
 *
 * A resume would keep the bytes between `ackedBytes` and `sentBytes` here.
 */
import { PeerError } from "./codes.ts";

/**
 * Bytes in flight at most, without a control: OpenSSH's own channel window, which would stop us there anyway; more would
 * only stand in queues. Source: channels.h, CHAN_SES_WINDOW_DEFAULT.
 */
export const FLIGHT_BYTES = 2_097_152;

/** What decides how much may be in flight: see link-control.ts. It hears of every link byte, and when. */
export interface Control {
  capAt(nowMs: number): number;
  /** Shortest round trip, ms; Infinity before the first. */
  readonly minRttMs: number;
  /** When there may be room again without an acknowledgement, ms. */
  readonly resumeMs: number;
  /** No frame of DATA is to be longer. */
  readonly frameBytes: number;
  sent(bytes: number, nowMs: number): void;
  /** Nothing is left to send, and there would be room. */
  ranDry(): void;
  /**
   * `total`: never less than before, never more than was sent. `clock`: when the last of it was received, by the
   * peer's clock in units of 1/ACK_CLOCK ms, modulo 2^32.
   */
  acknowledged(total: number, nowMs: number, clock: number): void;
}

export class Flight {
  sentBytes: number;
  ackedBytes: number;
  /** At most so much, whatever the control says; exactly so much without one. Undefined: as is best. */
  readonly maxBytes: number | undefined;
  /** May come later than the first bytes. */
  control: Control | undefined;

  constructor(maxBytes?: number) {
    this.sentBytes = 0;
    this.ackedBytes = 0;
    this.maxBytes = maxBytes;
    this.control = undefined;
  }

  get isEmpty(): boolean {
    return this.sentBytes === this.ackedBytes;
  }

  /** Link bytes that may be sent now; below zero if small frames, which do not wait, went over the cap. */
  room(nowMs: number): number {
    return (
      this.ackedBytes +
      (this.control ? this.control.capAt(nowMs) : this.maxBytes || FLIGHT_BYTES) -
      this.sentBytes
    );
  }

  /**
   * How long an acknowledgement to the peer may wait for company, ms: little of a round trip, and less than the peer's
   * control allows for. A peer that may have little in flight would only wait for it, and take the link for that slow.
   */
  get ackDelayMs(): number {
    return Math.min(ACK_DELAY_MS, 1 + (this.control ? this.control.minRttMs : 0) / 16);
  }

  sent(bytes: number, nowMs: number): void {
    this.sentBytes += bytes;
    if (this.control && bytes > 0) this.control.sent(bytes, nowMs);
  }

  /** @throws PeerError for bytes never sent, or fewer than before. */
  acknowledged(total: number, nowMs: number, clock: number): void {
    if (total < this.ackedBytes || total > this.sentBytes)
      throw new PeerError(
        `take acknowledgement of ${total} bytes`,
        `${this.ackedBytes} to ${this.sentBytes} are possible`,
      );
    this.ackedBytes = total;
    if (this.control) this.control.acknowledged(total, nowMs, clock);
  }
}

/**
 * Received link bytes after which an acknowledgement does not wait. On a fast link it is the time that decides: one for
 * each read of 64 KiB cost a wake-up of five processes each.
 */
export const ACK_BYTES = 262_144;

/** Units of an acknowledgement's clock in a millisecond. */
export const ACK_CLOCK = 16;

/** How long an acknowledgement may wait for company at most, ms. */
export const ACK_DELAY_MS = 5;

/** What to acknowledge, and when. */
export class Receipts {
  bytes: number;
  /** When the last of them were received. */
  lastMs: number;
  /** When an acknowledgement falls due; Infinity if there is none or it is due already. */
  dueMs: number;
  isDue: boolean;
  private ackedBytes: number;

  constructor() {
    this.bytes = 0;
    this.lastMs = 0;
    this.dueMs = Infinity;
    this.isDue = false;
    this.ackedBytes = 0;
  }

  get isPending(): boolean {
    return this.bytes > this.ackedBytes;
  }

  received(bytes: number, nowMs: number, delayMs: number): void {
    if (bytes > 0 && !this.isPending) this.dueMs = nowMs + delayMs;
    this.bytes += bytes;
    this.lastMs = nowMs;
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
