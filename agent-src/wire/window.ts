import { GoAway, PeerError } from "./codes.ts";

/**
 * Bytes that may be sent on a channel before the peer's hello has arrived, and no hello may announce less. It is also
 * what this end announces: 1,000 readers that stall before anything is known of them hold 64 MB.
 */
export const INITIAL_WINDOW_BYTES = 65_536;

/** Source: RFC 9113 6.9.1. */
export const MAX_WINDOW_BYTES = 2_147_483_647;

/** Bytes the peer may still send on this channel. Source: RFC 9113 5.2.1, per channel, not per link. */
export class ReceiveWindow {
  /** Received and not consumed: what this end holds in memory for the channel. */
  heldBytes: number;
  /** What is held and what may still come are to be this together. A smaller one is reached as bytes are consumed. */
  size: number;
  /** When credit was granted last, ms; kept by whoever sets the size. */
  grantedMs?: number;
  /** Not received yet. */
  allowed: number;

  constructor(size: number) {
    this.heldBytes = 0;
    this.size = this.allowed = size;
  }

  /** @throws PeerError if the peer sent more than it may. */
  receive(bytes: number): void {
    if (bytes > this.allowed)
      throw new PeerError(`take ${bytes} bytes`, `the window has ${this.allowed} left`, GoAway.FlowControl);
    this.allowed -= bytes;
    this.heldBytes += bytes;
  }

  /**
   * Returns the credit to grant, 0 for none. It is saved up to half a window, so that the grants are few (at most two
   * frames per window) and the peer still never waits if the bytes are taken in time.
   */
  get due(): number {
    const credit = this.size - this.allowed - this.heldBytes;
    return credit * 2 < this.size ? 0 : credit;
  }
}

/** What decides how wide windows are: see receive-memory.ts. Without one they stay as the hello says. */
export interface WindowPolicy {
  /** Its channel's small frames are about to be written: the moment to set `size`. */
  resize(window: ReceiveWindow, nowMs: number): void;
  /** Something was received: no more than there may be is to be held. */
  bound(): void;
}
