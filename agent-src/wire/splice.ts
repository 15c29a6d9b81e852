/**
 * A channel and a socket, joined until both are closed. The ends and the failures of one become those of the
 * other; every path leads to the socket's "close", and that one leaves no channel behind:
 *
 *   socket ended             channel.end(), after what was read
 *   channel ended            socket.end(), after what was received is written
 *   socket failed            channel.fail(), with the reason, after what was read
 *   socket silent            channel.reset()
 *   channel reset            what was received is written, as far as the kernel takes it; a TCP reset
 *   socket closed otherwise  channel.reset()
 */
import { asBuffer } from "./as-buffer.ts";
import type { Channel, ChannelHandler } from "./channel.ts";
import { ResetCode, resetCodeOf } from "./codes.ts";

/** What `splice` needs of a net.Socket made with allowHalfOpen. */
export interface SpliceSocket {
  readonly destroyed?: boolean;
  readonly connecting?: boolean;
  readonly writableFinished?: boolean;
  write(bytes: Buffer, written: (error?: Error | null) => void): boolean;
  end(): unknown;
  destroy(): unknown;
  resetAndDestroy?(): unknown;
  pause(): unknown;
  resume(): unknown;
  cork(): void;
  uncork(): void;
  setTimeout(ms: number): unknown;
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  on(event: "end" | "close" | "timeout", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** The parameters of `SpliceSocket.on`. */
export type SocketListener =
  | ["data", (bytes: Uint8Array) => void]
  | ["end" | "close" | "timeout", () => void]
  | ["error", (error: Error) => void];

export interface SpliceOptions {
  /** Silence after which the flow is reset, ms. 0 = never. */
  readonly idleMs?: number | undefined;
  /** The same once one direction has ended. 0 = never. */
  readonly halfCloseMs?: number | undefined;
  /** The peer has reset the channel, or the link has ended. */
  reset?(code: ResetCode, detail: string): void;
  /** The socket is closed, and so is the channel. */
  closed?(): void;
}

/** Two hours and four minutes: what a NAT must grant an established flow. Source: RFC 5382, REQ-5. */
export const HALF_CLOSE_MS = 7_440_000;

/**
 * Pieces below this are copied together while they wait: a piece that waits keeps the whole input alive that
 * it is a view of, and a peer may send each byte in a frame of its own. Above, at most 4 times the bytes are
 * kept (an input is one read of 64 KiB).
 */
const GATHER_BYTES = 16_384;

const ignore = (): undefined => undefined;

class Splice implements ChannelHandler {
  private readonly channel: Channel;
  private readonly socket: SpliceSocket;
  private readonly options: SpliceOptions;
  private readonly halfCloseMs: number;
  private readonly written: (error?: Error | null) => void;
  /** Received and not yet given to the socket, which gets one write at a time. */
  private waiting: Uint8Array[];
  private waitingBytes: number;
  /** The last piece that waits, with room behind `slabUsed`, if it was made for copies. */
  private slab: Uint8Array | undefined;
  private slabUsed: number;
  private writingBytes: number;
  private isReadEnded: boolean;
  private mustEnd: boolean;
  private isWriteEnded: boolean;

  constructor(channel: Channel, socket: SpliceSocket, options: SpliceOptions) {
    this.channel = channel;
    this.socket = socket;
    this.options = options;
    this.halfCloseMs = options.halfCloseMs ?? HALF_CLOSE_MS;
    this.written = (error) => this.handleWritten(error);
    this.waiting = [];
    this.waitingBytes = 0;
    this.slab = undefined;
    this.slabUsed = 0;
    this.writingBytes = 0;
    this.isReadEnded = false;
    this.mustEnd = false;
    this.isWriteEnded = false;

    socket.on("data", (bytes) => {
      if (!channel.write(bytes)) socket.pause();
    });
    socket.on("end", () => {
      this.isReadEnded = true;
      socket.setTimeout(this.halfCloseMs);
      channel.end();
    });
    socket.on("error", (error) => channel.fail(resetCodeOf(error), String(error)));
    socket.on("timeout", () => {
      channel.reset(ResetCode.TimedOut, "silent for too long");
      this.abort();
    });
    socket.on("close", () => {
      // A socket that ended both ways may close long before its last bytes have left over the link.
      if (!channel.failure && !(this.isReadEnded && this.isWriteEnded))
        channel.reset(ResetCode.Aborted, "socket closed");
      options.closed?.();
    });
  }

  data(_channel: Channel, bytes: Uint8Array): void {
    this.waitingBytes += bytes.length;
    const isFirst = this.waiting.length === 0 && this.writingBytes === 0;
    if (isFirst || bytes.length >= GATHER_BYTES) {
      this.closeSlab();
      this.waiting.push(bytes);
    } else this.copy(bytes);
  }

  turn(): void {
    const { socket, waiting } = this;
    if (this.writingBytes > 0 || this.waitingBytes === 0) return;
    this.closeSlab();
    this.waiting = [];
    this.writingBytes = this.waitingBytes;
    this.waitingBytes = 0;
    socket.cork();
    waiting.forEach((bytes, i) =>
      socket.write(asBuffer(bytes), i === waiting.length - 1 ? this.written : ignore),
    );
    socket.uncork();
  }

  end(): void {
    this.mustEnd = true;
    this.socket.setTimeout(this.halfCloseMs);
    this.endSocket();
  }

  reset(_channel: Channel, code: ResetCode, detail: string): void {
    if (this.options.reset) this.options.reset(code, detail);
    this.turn();
    this.abort();
  }

  writable(): void {
    this.socket.resume();
  }

  private handleWritten(error: Error | null | undefined): void {
    if (error) return;
    const bytes = this.writingBytes;
    this.writingBytes = 0;
    this.turn();
    this.channel.consume(bytes);
    this.endSocket();
  }

  private endSocket(): void {
    if (!this.mustEnd || this.isWriteEnded || this.writingBytes > 0 || this.waitingBytes > 0) return;
    this.isWriteEnded = true;
    this.socket.end();
  }

  /** A TCP reset where there is a way to say it. libuv refuses while a FIN is on its way, and never closes then. */
  private abort(): void {
    const { socket } = this;
    this.waiting = [];
    try {
      if (socket.resetAndDestroy && !socket.connecting && (!this.isWriteEnded || socket.writableFinished))
        socket.resetAndDestroy();
    } catch {
      // Not a TCP socket: closing it is all there is.
    }
    socket.destroy();
  }

  private copy(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      if (!this.slab || this.slabUsed === this.slab.length) {
        this.closeSlab();
        this.slab = new Uint8Array(Math.max(GATHER_BYTES / 4, bytes.length - from));
        this.waiting.push(this.slab);
      }
      const piece = bytes.subarray(from, from + this.slab.length - this.slabUsed);
      this.slab.set(piece, this.slabUsed);
      this.slabUsed += piece.length;
      from += piece.length;
    }
  }

  private closeSlab(): void {
    if (this.slab && this.waiting[this.waiting.length - 1] === this.slab)
      this.waiting[this.waiting.length - 1] = this.slab.subarray(0, this.slabUsed);
    this.slab = undefined;
    this.slabUsed = 0;
  }
}

/**
 * Joins a channel and a socket until both are closed: bytes both ways with back-pressure, half close, reset.
 * Becomes the channel's handler. May be called before the socket is connected or the channel is opened.
 */
export function splice(channel: Channel, socket: SpliceSocket, options: SpliceOptions = {}): void {
  channel.handler = new Splice(channel, socket, options);
  if (options.idleMs) socket.setTimeout(options.idleMs);
  socket.resume();
  if (socket.destroyed) channel.reset(ResetCode.Aborted, "socket closed");
}
