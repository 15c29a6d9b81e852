import { GoAway, PeerError } from "./codes.ts";

/** Bytes that may be sent on a channel before the peer's hello has arrived; no hello may announce less. */
export const INITIAL_WINDOW_BYTES = 65_536;

/** What this end announces: 84 Mbit/s over 100 ms, half of what may be in flight in all. */
export const WINDOW_BYTES = 1_048_576;

/** Source: RFC 9113 6.9.1. */
export const MAX_WINDOW_BYTES = 2_147_483_647;

/** Bytes the peer may still send on this channel. Source: RFC 9113 5.2.1, per channel, not per link. */
export class ReceiveWindow {
  /** Received and not consumed: what this end holds in memory for the channel. */
  heldBytes: number;
  private readonly size: number;
  private allowed: number;
  private saved: number;

  constructor(size: number) {
    this.heldBytes = 0;
    this.size = size;
    this.allowed = size;
    this.saved = 0;
  }

  /** @throws PeerError if the peer sent more than it may. */
  receive(bytes: number): void {
    if (bytes > this.allowed)
      throw new PeerError(`take ${bytes} bytes`, `the window has ${this.allowed} left`, GoAway.FlowControl);
    this.allowed -= bytes;
    this.heldBytes += bytes;
  }

  /**
   * Returns the credit to grant now, 0 for none: it is saved up to half a window, so that the grants are few
   * (at most two frames per window) and the peer still never waits if the bytes are taken in time.
   */
  consume(bytes: number): number {
    this.heldBytes -= bytes;
    this.saved += bytes;
    if (this.saved * 2 < this.size) return 0;
    const credit = this.saved;
    this.saved = 0;
    this.allowed += credit;
    return credit;
  }
}

/** A sender's credit after a grant. @throws PeerError above the limit, or for a grant of nothing. */
export function addCredit(credit: number, granted: number): number {
  if (granted === 0 || credit + granted > MAX_WINDOW_BYTES)
    throw new PeerError(`add credit ${granted}`, `the window has ${credit}`, GoAway.FlowControl);
  return credit + granted;
}
