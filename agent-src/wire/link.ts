/**
 * The loop that both ends run: one input, then drain. It takes the streams and the timer of whoever calls
 * it and decides nothing itself; the protocol is in mux.ts.
 */
import { asBuffer } from "./as-buffer.ts";
import type { Channel, ChannelHandler } from "./channel.ts";
import { ResetCode } from "./codes.ts";
import type { GoAway } from "./codes.ts";
import type { LinkEnd, MuxEvent } from "./event.ts";
import type { Hello } from "./hello.ts";
import type { Mux } from "./mux.ts";
import type { Target } from "./target.ts";

/**
 * Bytes handed to the output at a time. With Node's streams one batch is on its way while the kernel is full,
 * so this is also what a new key stroke may find before it. One libuv read, and what a pipe holds.
 */
export const BATCH_BYTES = 65_536;

/** Where the peer's bytes come from. Node's Readable and net.Socket fit. Never paused: windows bound it. */
export interface ByteSource {
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  on(event: "end" | "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** Where our bytes go. Node's Writable and net.Socket fit. */
export interface ByteSink {
  /** Bytes that it was given and still refers to; absent where that is not known. */
  readonly writableLength?: number;
  write(bytes: Buffer): boolean;
  cork(): void;
  uncork(): void;
  on(event: "drain" | "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

export interface LinkOptions {
  /** May have transmitted its hello and opened channels already: these bytes travel with the bootstrap. */
  readonly mux: Mux;
  readonly input: ByteSource;
  readonly output: ByteSink;
  /** Milliseconds of a clock that is never set; the one that the mux was made with. */
  readonly now?: (() => number) | undefined;
  /** The peer's hello has arrived: the session stands. */
  hello?(hello: Hello): void;
  /** The peer opens a channel. Set `channel.handler` before returning; accept or reset, now or later. */
  open?(channel: Channel): void;
  /** Exactly once, after every channel's handler was told. GO_AWAY is written: the output may be ended. */
  ended(end: LinkEnd): void;
  /** A handler threw; its channel has been reset. */
  fault(error: unknown, channel: Channel): void;
}

export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

export class Link {
  readonly mux: Mux;
  private readonly options: LinkOptions;
  private readonly now: () => number;
  private readonly runScheduled: () => void;
  private readonly runTimer: () => void;
  /** Channels that got data in this turn. */
  private readonly touched: Channel[];
  private isScheduled: boolean;
  private isInTurn: boolean;
  private isOver: boolean;
  private isWritable: boolean;
  private timer: ReturnType<typeof setTimeout>;
  private timerMs: number;

  constructor(options: LinkOptions) {
    const { mux, input, output } = options;
    this.mux = mux;
    this.options = options;
    this.now = options.now ?? monotonicMs;
    this.runScheduled = () => {
      this.isScheduled = false;
      this.turn();
    };
    this.runTimer = () => {
      this.timerMs = Infinity;
      mux.handleTimeout(this.now());
      this.turn();
    };
    this.touched = [];
    this.isScheduled = false;
    this.isInTurn = false;
    this.isOver = false;
    this.isWritable = true;
    this.timer = setTimeout(this.runTimer, 0);
    this.timerMs = Infinity;

    mux.onWork = () => this.schedule();
    input.on("data", (bytes) => {
      mux.receive(bytes, this.now());
      this.turn();
    });
    input.on("end", () => this.lose("input ended"));
    input.on("close", () => this.lose("input closed"));
    input.on("error", (error) => this.lose(`input failed: ${String(error)}`));
    output.on("close", () => this.lose("output closed"));
    output.on("error", (error) => this.lose(`output failed: ${String(error)}`));
    output.on("drain", () => {
      this.isWritable = true;
      this.turn();
    });
  }

  /** What is not possible arrives as a reset. Data may be written at once. */
  open(target: Target, handler?: ChannelHandler): Channel {
    return this.mux.open(target, handler);
  }

  /** Ends the session: every channel is reset, `ended` follows. */
  goAway(code: GoAway, detail?: string): void {
    this.mux.goAway(code, detail);
  }

  private lose(detail: string): void {
    this.mux.lose(detail);
    this.turn();
  }

  /**
   * After the sockets of this round of the event loop: what they sent goes out in one write. Against
   * process.nextTick: echoes on 100 channels 1.3 times as many, on one channel as quick (bench/wire.ts --only echo).
   */
  private schedule(): void {
    if (this.isInTurn || this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(this.runScheduled);
  }

  private turn(): void {
    const { mux, touched } = this;
    this.isInTurn = true;
    do {
      for (let event = mux.pollEvent(); event; event = mux.pollEvent()) this.deliver(event);
      for (let channel = touched.pop(); channel; channel = touched.pop()) this.settle(channel);
      this.transmit();
    } while (mux.hasEvents);
    this.isInTurn = false;
    if (mux.end) this.finish(mux.end);
    else this.arm(mux.nextTimeoutMs());
  }

  private deliver(event: MuxEvent): void {
    const { options } = this;
    if (event.type === "hello") return options.hello?.(event.hello);
    if (event.type === "closed") return;
    const { channel } = event;
    try {
      switch (event.type) {
        case "open":
          if (options.open && !channel.isClosed) options.open(channel);
          if (!channel.handler) channel.reset(ResetCode.Unsupported, "nothing of that kind is offered here");
          return;
        case "opened":
          return channel.handler?.opened?.(channel);
        case "data":
          channel.handler?.data(channel, event.bytes);
          if (channel.isTouched || !channel.handler?.turn) return;
          channel.isTouched = true;
          this.touched.push(channel);
          return;
        case "end":
          return channel.handler?.end(channel);
        case "reset":
          return channel.handler?.reset(channel, event.code, event.detail);
        case "writable":
          return channel.handler?.writable(channel);
      }
    } catch (error) {
      this.fault(error, channel);
    }
  }

  private settle(channel: Channel): void {
    channel.isTouched = false;
    try {
      channel.handler?.turn?.(channel);
    } catch (error) {
      this.fault(error, channel);
    }
  }

  private fault(error: unknown, channel: Channel): void {
    channel.reset(ResetCode.Internal, String(error));
    this.options.fault(error, channel);
  }

  private transmit(): void {
    const { mux } = this;
    const { output } = this.options;
    while (this.isWritable || mux.end) {
      const list = mux.pollTransmit(BATCH_BYTES, this.now());
      if (!list) return;
      output.cork();
      for (const bytes of list) this.isWritable = output.write(asBuffer(bytes));
      output.uncork();
    }
  }

  private finish(end: LinkEnd): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.timer);
    this.options.ended(end);
  }

  /** A timer that is early does no harm and is kept: most deadlines move on before they are reached. */
  private arm(deadlineMs: number): void {
    if (deadlineMs >= this.timerMs) return;
    clearTimeout(this.timer);
    this.timerMs = deadlineMs;
    this.timer = setTimeout(this.runTimer, Math.max(1, Math.ceil(deadlineMs - this.now())));
  }
}
