import { GoAway, PeerError, ResetCode } from "./codes.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { Flow } from "./schedule.ts";
import type { Target } from "./target.ts";
import { MAX_WINDOW_BYTES, ReceiveWindow } from "./window.ts";

/**
 * What a channel's user is told. Calls come one after the other, from the link's turn; `reset` is the last
 * one. A method that throws resets its channel with `Internal` and nothing else.
 */
export interface ChannelHandler {
  /** The peer has reached the target. */
  opened?(channel: Channel): void;
  /** The bytes stay untouched for as long as they are referred to. Give them back with `consume`. */
  data(channel: Channel, bytes: Uint8Array): void;
  /** Once after the `data` calls of one input: the moment to write what was gathered. */
  turn?(channel: Channel): void;
  /** The peer sends nothing more; this end may go on. */
  end(channel: Channel): void;
  /** The channel is gone, by the peer or with the link. Not called after this end's own `reset`. */
  reset(channel: Channel, code: ResetCode, detail: string): void;
  /** `write` may be called again, after it had returned false. */
  writable(channel: Channel): void;
}

/**
 * opening: this end has asked and is not answered yet; -ended: and has ended already.
 * accepting: the peer has asked; -ended: and has ended already.
 */
export type ChannelState =
  | "opening"
  | "opening-ended"
  | "accepting"
  | "accepting-ended"
  | "open"
  | "local-ended"
  | "remote-ended"
  | "closed";

export type ChannelStep =
  | "send-opened"
  | "receive-opened"
  | "send-data"
  | "receive-data"
  | "send-end"
  | "receive-end"
  | "reset";

/** A step that is missing is not allowed: by the caller it is ignored, by the peer it ends the link. */
export const NEXT: Readonly<Record<ChannelState, Readonly<Partial<Record<ChannelStep, ChannelState>>>>> = {
  opening: { "send-data": "opening", "send-end": "opening-ended", "receive-opened": "open", reset: "closed" },
  "opening-ended": { "receive-opened": "local-ended", reset: "closed" },
  accepting: {
    "receive-data": "accepting",
    "receive-end": "accepting-ended",
    "send-opened": "open",
    reset: "closed",
  },
  "accepting-ended": { "send-opened": "remote-ended", reset: "closed" },
  open: {
    "send-data": "open",
    "receive-data": "open",
    "send-end": "local-ended",
    "receive-end": "remote-ended",
    reset: "closed",
  },
  "local-ended": { "receive-data": "local-ended", "receive-end": "closed", reset: "closed" },
  "remote-ended": { "send-data": "remote-ended", "send-end": "closed", reset: "closed" },
  closed: {},
};

/** Bytes waiting in a channel above which `write` says false, and at which `writable` follows. */
export const HIGH_WATER_BYTES = 131_072;
export const LOW_WATER_BYTES = 65_536;

/**
 * Bytes waiting in all channels above which `write` says false of any, and `writable` follows when none of the channel's own is
 * left: each has then at most what was written at once. Some hundreds of channels that wait for credit come to that.
 */
export const QUEUE_BYTES = 67_108_864;

/** What a channel tells the mux that it belongs to. */
export interface ChannelHost {
  /** There is data or an end to send, perhaps. */
  dataReady(channel: Channel): void;
  /** There is a small frame to send. */
  controlReady(channel: Channel): void;
  /** It may be that nothing of a closed channel is left. */
  settle(channel: Channel): void;
  /** Of all channels: received and not consumed; written and not sent. */
  heldBytes: number;
  queuedBytes: number;
}

/** One multiplexed flow. Made by `Mux.open` and by the peer's OPEN, never by hand. */
export class Channel implements Flow {
  readonly id: number;
  readonly target: Target;
  /** Set by whoever opens or accepts the channel; `splice` sets its own. */
  handler: ChannelHandler | undefined;
  state: ChannelState;

  /** The rest belongs to the mux. */
  deficit: number;
  isListed: boolean;
  /** A `writable` is owed. */
  isBlocked: boolean;
  /** Reset here: its user hears nothing more. */
  isMuted: boolean;
  isInControl: boolean;
  /** It got data in this turn of the link. */
  isTouched: boolean;
  sendCredit: number;
  queuedBytes: number;
  /** Small frames to be sent. */
  mustOpen: boolean;
  mustOpened: boolean;
  resetCode: ResetCode | undefined;
  resetDetail: string;
  /** The reset to make once the queue is empty. */
  failure: [ResetCode, string] | undefined;
  readonly window: ReceiveWindow;
  private readonly host: ChannelHost;
  private readonly queue: Uint8Array[];
  private isEnding: boolean;

  constructor(id: number, target: Target, host: ChannelHost, windowBytes: number, sendCredit: number) {
    this.id = id;
    this.target = target;
    this.handler = undefined;
    this.state = "accepting";
    this.deficit = 0;
    this.isListed = false;
    this.isBlocked = false;
    this.isMuted = false;
    this.isInControl = false;
    this.isTouched = false;
    this.sendCredit = sendCredit;
    this.queuedBytes = 0;
    this.mustOpen = false;
    this.mustOpened = false;
    this.resetCode = undefined;
    this.resetDetail = "";
    this.failure = undefined;
    this.window = new ReceiveWindow(windowBytes);
    this.host = host;
    this.queue = [];
    this.isEnding = false;
  }

  /** Nothing more can be sent or received. */
  get isClosed(): boolean {
    return this.state === "closed";
  }

  /** Takes a step of the table; false if it is not allowed. */
  step(step: ChannelStep): boolean {
    const next = NEXT[this.state][step];
    if (next) this.state = next;
    return next !== undefined;
  }

  /** The same of a step that the peer took. @throws PeerError */
  receiveStep(step: ChannelStep): void {
    if (!this.step(step)) throw new PeerError(`${step} on channel ${this.id}`, `it is ${this.state}`);
  }

  /** The target is reached. */
  accept(): void {
    if (!this.step("send-opened")) return;
    this.mustOpened = true;
    this.host.controlReady(this);
    this.host.dataReady(this);
  }

  /**
   * Queues bytes without copying them: they must not change any more. False: enough for now, wait for
   * `writable`. On a channel that was ended or closed they are dropped.
   */
  write(bytes: Uint8Array): boolean {
    if (this.isEnding || bytes.length === 0 || !this.step("send-data")) return true;
    this.queue.push(bytes);
    this.queuedBytes += bytes.length;
    this.host.queuedBytes += bytes.length;
    this.host.dataReady(this);
    if (this.queuedBytes >= HIGH_WATER_BYTES || this.host.queuedBytes >= QUEUE_BYTES) this.isBlocked = true;
    return !this.isBlocked;
  }

  /** Half close, after what was written. Twice is harmless. */
  end(): void {
    if (this.isEnding || this.isClosed) return;
    this.isEnding = true;
    this.host.dataReady(this);
  }

  /**
   * Drops what was not sent yet and tells the peer why; the handler hears nothing more. On a channel that is
   * closed already: gives back what is held for it.
   */
  reset(code: ResetCode = ResetCode.Aborted, detail: string = ""): void {
    const isNews = this.step("reset");
    this.isMuted = true;
    if (isNews) {
      this.resetCode = code;
      this.resetDetail = detail;
      this.host.controlReady(this);
    }
    this.drop();
  }

  /**
   * Like `reset`, but after what was written: a target that answers and then resets is heard to the end.
   * Source: the order in which TCP delivers them, tcp_recvmsg in the kernel's tcp.c.
   */
  fail(code: ResetCode, detail: string): void {
    if (this.queuedBytes === 0) return this.reset(code, detail);
    this.isMuted = true;
    this.failure = [code, detail];
  }

  /** These many received bytes have been taken; their credit goes back to the peer. */
  consume(bytes: number): void {
    const { host, window } = this;
    // After a reset nothing is held for it, though some of it may only now have been taken.
    bytes = Math.min(bytes, window.heldBytes);
    window.heldBytes -= bytes;
    host.heldBytes -= bytes;
    if (window.due > 0 && NEXT[this.state]["receive-data"]) host.controlReady(this);
    host.settle(this);
  }

  /** Forgets the bytes of both directions, and perhaps the channel. */
  drop(): void {
    this.isEnding = false;
    this.queue.length = 0;
    this.host.queuedBytes -= this.queuedBytes;
    this.queuedBytes = 0;
    this.consume(this.window.heldBytes);
  }

  /** @throws PeerError for a grant of nothing, or one that lifts the credit above the limit. */
  grant(credit: number): void {
    const { sendCredit } = this;
    if (credit === 0 || sendCredit + credit > MAX_WINDOW_BYTES)
      throw new PeerError(`add credit ${credit}`, `the window has ${sendCredit}`, GoAway.FlowControl);
    this.sendCredit += credit;
  }

  /** All data is sent and the end is not. */
  get mustEnd(): boolean {
    return this.isEnding && this.queuedBytes === 0 && NEXT[this.state]["send-end"] !== undefined;
  }

  get hasWork(): boolean {
    return (this.queuedBytes > 0 && this.sendCredit > 0) || this.mustEnd;
  }

  /** Moves the first `bytes` of the queue into a frame. */
  take(bytes: number, writer: FrameWriter): void {
    this.queuedBytes -= bytes;
    this.host.queuedBytes -= bytes;
    this.sendCredit -= bytes;
    while (bytes > 0) {
      const first = this.queue[0];
      if (!first) return;
      if (first.length <= bytes) {
        writer.payload(first);
        this.queue.shift();
      } else {
        writer.payload(first.subarray(0, bytes));
        this.queue[0] = first.subarray(bytes);
      }
      bytes -= first.length;
    }
  }
}
