/**
 * How wide the window of each channel is, and how much all of them may hold.
 *
 * A window grows as in quic-go and Chromium (internal/flowcontrol/base_flow_controller.go, maybeAdjustWindowSize;
 * quic_flow_controller.cc, MaybeIncreaseMaxWindowSize), which is TCP's dynamic right-sizing (Fisk and Feng 2001) for
 * credits: it doubles while what is taken of it would fill it in four round trips. One window goes over the link in a
 * round trip, half of it waits here as credit that is saved up; the rest is for round trips that are longer than the shortest.
 *
 * What is held (received, and not yet taken) counts, not what was promised: a channel that had its turn and is silent keeps
 * none of the others small. No window may grow beyond a fixed share of what is free then; so the first readers that stall
 * hold the most, later ones less and less, and some is always left for those who read. Source: Choudhury and Hahne,
 * Dynamic Queue Length Thresholds for Shared-Memory Packet Switches, IEEE/ACM ToN 6(2), 1998.
 *
 * Promises can be more than there is. Who makes use of all of them meets the bound: what holds the most is reset.
 */
import { ResetCode } from "./codes.ts";
import type { Mux } from "./mux.ts";
import type { ReceiveWindow, WindowPolicy } from "./window.ts";

/** Received bytes that one end of a link may hold: 2,048 readers that stall with their first window. */
export const MEMORY_BYTES = 134_217_728;

/** Of what is free, what one window may have: 16 MiB while nobody stalls, 670 Mbit/s over 200 ms. */
const SHARE = 1 / 8;

/**
 * What a channel may have without having shown that it can take it, so that a download over a long path needs no round
 * trips to get going; more than a path of 100 Mbit/s and 80 ms holds.
 */
export const FIRST_BYTES = 1_048_576;

/** In so many round trips a window may at least be taken, or else it grows. */
const WINDOW_RTTS = 4;

/** A round trip, for that: programs have other work meanwhile, ms. */
const MIN_RTT_MS = 2;

/** Where nobody has measured one, ms. */
const ASSUMED_RTT_MS = 100;

/**
 * The channels that hold the most are looked up so many at a time, of all that hold something: below 32 that is one;
 * with 65,536 that a peer keeps filling, a search for each of them would cost more than all else.
 */
const LOOKED_UP = 1 / 16;

/** By its number: what is left of a channel is not to be kept. */
interface Holding {
  readonly id: number;
  readonly heldBytes: number;
}

export interface ReceiveMemoryOptions {
  readonly memoryBytes?: number | undefined;
  /** A round trip, for as long as nobody has measured one, ms. */
  readonly rttMs?: number | undefined;
}

export class ReceiveMemory implements WindowPolicy {
  private readonly mux: Mux;
  private readonly bytes: number;
  private readonly assumedRttMs: number;
  /** Those that held the most when they were looked up, ascending. */
  private largest: Holding[];

  constructor(mux: Mux, options: ReceiveMemoryOptions = {}) {
    this.mux = mux;
    this.bytes = options.memoryBytes || MEMORY_BYTES;
    this.assumedRttMs = options.rttMs ?? ASSUMED_RTT_MS;
    this.largest = [];
  }

  resize(window: ReceiveWindow, nowMs: number): void {
    const { bytes, mux } = this;
    const { due, grantedMs } = window;
    let { size } = window;
    if (grantedMs !== undefined) {
      if (due === 0) return;
      if ((nowMs - grantedMs) * size <= WINDOW_RTTS * this.rttMs * due) size *= 2;
    }
    window.grantedMs = nowMs;
    // The n-th channel gets an n-th: all together no more than a few such shares, whenever they were opened.
    size = Math.max(size, Math.min(FIRST_BYTES, (bytes * SHARE) / mux.channels.size));
    const most = Math.min(size, (bytes - mux.heldBytes) * SHARE);
    window.size = Math.max(mux.windowBytes, Math.floor(most));
  }

  bound(): void {
    while (this.mux.heldBytes > this.bytes && this.resetLargest());
  }

  private get rttMs(): number {
    const { control } = this.mux.flight;
    return Math.max(
      MIN_RTT_MS,
      control && control.minRttMs < Infinity ? control.minRttMs : this.assumedRttMs,
    );
  }

  /** One of those that hold the most. False: nothing holds anything. */
  private resetLargest(): boolean {
    const { mux } = this;
    if (this.largest.length === 0) this.largest = this.findLargest();
    const found = this.largest.pop();
    const channel = found && mux.channels.get(found.id);
    if (!found || !channel || channel.window.heldBytes < found.heldBytes) return found !== undefined;
    const { isMuted } = channel;
    const detail = `${mux.heldBytes} received bytes wait to be taken, ${found.heldBytes} of them here`;
    channel.reset(ResetCode.Resource, detail);
    // Its user did not ask for it, and has to hear of it.
    channel.isMuted = isMuted;
    mux.tellReset(channel, ResetCode.Resource, detail);
    return true;
  }

  private findLargest(): Holding[] {
    const holding: Holding[] = [];
    for (const { id, window } of this.mux.channels.values())
      if (window.heldBytes > 0) holding.push({ id, heldBytes: window.heldBytes });
    holding.sort((a, b) => a.heldBytes - b.heldBytes);
    return holding.slice(-Math.max(1, Math.floor(holding.length * LOOKED_UP)));
  }
}
