/**
 * A stream socket that is a mere descriptor: what `splice` needs of a net.Socket, by system calls.
 *
 * It takes less of the processor than net.Socket, for a short connection and for bytes in bulk: there are no streams, no
 * calls into V8 for each event, and no memory of its own for what is read.
 */
import { errnoName } from "../ffi.ts";
import type { SystemCalls } from "../ffi.ts";
import type { ByteSink } from "../../agent-src/wire/link.ts";
import type { SocketListener, SpliceSocket } from "../../agent-src/wire/splice.ts";
import { isAgain, Outgoing } from "./outgoing.ts";
import type { Vectors, Written } from "./outgoing.ts";
import { READABLE, WRITABLE } from "./readiness.ts";
import type { Readiness, Ready } from "./readiness.ts";
import type { Slab } from "./slab.ts";

/** Source: asm-generic/socket.h, sys/socket.h. */
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const SHUT_WR = 1;

/** struct linger: on, for no time, so that a close is a reset. Source: socket(7). */
const LINGER_NOT = new Uint8Array(new Int32Array([1, 0]).buffer);

/** What all sockets of a process share. */
export interface DescriptorContext {
  readonly calls: SystemCalls;
  readonly readiness: Readiness;
  readonly vectors: Vectors;
  readonly slab: Slab;
}

export class DescriptorSocket implements SpliceSocket, ByteSink {
  readonly fd: number;
  /** Called when it is closed, before any listener. For whoever keeps account of it. */
  onGone: () => void;
  readonly connecting = false;
  destroyed: boolean;
  /** A FIN has been sent. */
  writableFinished: boolean;
  private readonly context: DescriptorContext;
  private readonly outgoing: Outgoing;
  private readonly ready: Ready;
  private watched: number;
  private isPaused: boolean;
  private isCorked: boolean;
  /** The kernel takes no more for now. */
  private isBlocked: boolean;
  private isReadEnded: boolean;
  private isEnding: boolean;
  private idleMs: number;
  private timer: NodeJS.Timeout | undefined;
  private gotData: (bytes: Uint8Array) => void;
  private gotEnd: () => void;
  private gotError: (error: Error) => void;
  private gotTimeout: () => void;
  private gotClose: () => void;
  private gotDrain: () => void;

  /** Takes a connected socket that does not block. It is paused. */
  constructor(fd: number, context: DescriptorContext) {
    this.fd = fd;
    this.destroyed = false;
    this.writableFinished = false;
    this.context = context;
    this.outgoing = new Outgoing(context.vectors, fd);
    this.ready = (events) => this.handleReady(events);
    this.watched = 0;
    this.isPaused = true;
    this.isCorked = false;
    this.isBlocked = false;
    this.isReadEnded = false;
    this.isEnding = false;
    this.idleMs = 0;
    this.timer = undefined;
    this.onGone = this.gotDrain = ignore;
    this.gotData = this.gotEnd = this.gotError = this.gotTimeout = this.gotClose = ignore;
  }

  /** Nothing is left to write. */
  get isFlushed(): boolean {
    return this.outgoing.isEmpty;
  }

  /** One listener of each kind. */
  on(event: "data", listener: (bytes: Uint8Array) => void): void;
  on(event: "end" | "close" | "timeout" | "drain", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  on(...[event, listener]: SocketListener | ["drain", () => void]): void {
    switch (event) {
      case "data":
        this.gotData = listener;
        return;
      case "end":
        this.gotEnd = listener;
        return;
      case "error":
        this.gotError = listener;
        return;
      case "timeout":
        this.gotTimeout = listener;
        return;
      case "drain":
        this.gotDrain = listener;
        return;
      case "close":
        this.gotClose = listener;
    }
  }

  /** Says "data" for what was read from it before it was ours. */
  give(bytes: Uint8Array): void {
    this.gotData(bytes);
  }

  pause(): void {
    this.isPaused = true;
    this.watchAgain();
  }

  resume(): void {
    this.isPaused = false;
    this.watchAgain();
  }

  cork(): void {
    this.isCorked = true;
  }

  uncork(): void {
    this.isCorked = false;
    this.flush();
  }

  /** False: the kernel takes no more for now, "drain" follows. `written` is called, at once or later, when it has all of it. */
  write(bytes: Uint8Array, written?: Written): boolean {
    if (this.destroyed || this.isEnding) return false;
    this.outgoing.push(bytes, written);
    if (!this.isCorked) this.flush();
    return !this.isBlocked;
  }

  /** Half close, after what was written. */
  end(): void {
    this.isEnding = true;
    this.flush();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    clearTimeout(this.timer);
    this.outgoing.clear();
    this.watch(0);
    this.context.calls.close(this.fd);
    this.onGone();
    queueMicrotask(this.gotClose);
  }

  resetAndDestroy(): void {
    if (!this.destroyed) this.context.calls.setsockopt(this.fd, SOL_SOCKET, SO_LINGER, LINGER_NOT);
    this.destroy();
  }

  /** Silence both ways after which "timeout" comes, ms; 0: never. */
  setTimeout(ms: number): void {
    if (ms === this.idleMs || this.destroyed) return;
    this.idleMs = ms;
    clearTimeout(this.timer);
    this.timer = ms > 0 ? setTimeout(() => this.gotTimeout(), ms).unref() : undefined;
  }

  private handleReady(events: number): void {
    if (this.isBlocked) {
      this.isBlocked = false;
      this.flush();
      if (!this.isBlocked) this.gotDrain();
    }
    if ((events & ~WRITABLE) !== 0 && (this.watched & READABLE) !== 0) this.read();
  }

  private read(): void {
    const { calls, slab } = this.context;
    const count = calls.read(this.fd, slab.room);
    if (count > 0) {
      this.timer?.refresh();
      this.gotData(slab.take(count));
    } else if (count === 0) {
      this.isReadEnded = true;
      this.watchAgain();
      this.gotEnd();
      this.closeIfDone();
    } else if (!isAgain(count)) this.fail(count);
  }

  private flush(): void {
    if (this.destroyed || this.isBlocked) return;
    const result = this.outgoing.flush();
    this.isBlocked = isAgain(result);
    if (result < 0 && !this.isBlocked) return this.fail(result);
    this.timer?.refresh();
    this.watchAgain();
    if (!this.isEnding || this.writableFinished || !this.outgoing.isEmpty) return;
    this.writableFinished = true;
    const ended = this.context.calls.shutdown(this.fd, SHUT_WR);
    if (ended < 0) this.fail(ended);
    else this.closeIfDone();
  }

  private closeIfDone(): void {
    if (this.isReadEnded && this.writableFinished) this.destroy();
  }

  private fail(result: number): void {
    if (this.destroyed) return;
    const code = errnoName(result);
    const error = Object.assign(new Error(code), { code });
    queueMicrotask(() => this.gotError(error));
    this.destroy();
  }

  private watchAgain(): void {
    if (this.destroyed) return;
    const read = this.isPaused || this.isReadEnded ? 0 : READABLE;
    this.watch(read | (this.isBlocked ? WRITABLE : 0));
  }

  private watch(events: number): void {
    const before = this.watched;
    this.watched = events;
    this.context.readiness.change(this.fd, before, events, this.ready);
  }
}

const ignore = (): undefined => undefined;
