/**
 * One stream, or two that are no socket, in the shape that `splice` joins to a channel: a program's stdin is
 * only written, its stdout only read. The direction that is not there has ended from the start.
 */
import type { SocketListener, SpliceSocket } from "./splice.ts";

/** Node's Readable fits. */
export interface ReadSide {
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  on(event: "end" | "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  pause(): unknown;
  resume(): unknown;
  destroy(): unknown;
}

/** Node's Writable fits. */
export interface WriteSide {
  on(event: "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  write(bytes: Buffer, written: (error?: Error | null) => void): boolean;
  end(): unknown;
  destroy(): unknown;
  cork(): void;
  uncork(): void;
}

const ignore = (): undefined => undefined;

export class HalfSocket implements SpliceSocket {
  private readonly read: ReadSide | undefined;
  private readonly writeSide: WriteSide | undefined;
  private readonly endListeners: (() => void)[];
  private closed: () => void;
  private hasEnded: boolean;
  private isReadClosed: boolean;
  private isWriteClosed: boolean;

  constructor(sides: { readonly read?: ReadSide; readonly write?: WriteSide }) {
    const { read, write } = sides;
    this.read = read;
    this.writeSide = write;
    this.endListeners = [];
    this.closed = ignore;
    this.hasEnded = this.isReadClosed = !read;
    this.isWriteClosed = false;
    if (read) {
      read.on("end", () => this.finish());
      read.on("close", () => {
        this.isReadClosed = true;
        // Without an end it broke, and nothing is to be waited for.
        this.settle(!this.hasEnded);
      });
    }
    if (write)
      write.on("close", () => {
        this.isWriteClosed = true;
        this.settle(false);
      });
  }

  on(...[event, listener]: SocketListener): void {
    const { read, writeSide } = this;
    switch (event) {
      case "data":
        if (read)
          read.on("data", (bytes) => {
            if (!this.hasEnded) listener(bytes);
          });
        return;
      case "end":
        if (this.hasEnded) listener();
        else this.endListeners.push(listener);
        return;
      case "close":
        this.closed = listener;
        return;
      case "error":
        if (read) read.on("error", listener);
        if (writeSide) writeSide.on("error", listener);
        return;
      case "timeout":
        return; // A program may be silent for as long as it likes.
    }
  }

  private settle(atOnce: boolean): void {
    if (!atOnce && !(this.isReadClosed && this.isWriteClosed)) return;
    this.closed();
    this.closed = ignore;
  }

  /** Takes what was read so far for all there is: an ordinary end, though someone else may keep it open. */
  finish(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    for (const listener of this.endListeners) listener();
  }

  write(bytes: Buffer, written: (error?: Error | null) => void): boolean {
    if (this.writeSide) return this.writeSide.write(bytes, written);
    // Nobody wants it: it is taken, or else the sender would wait for ever.
    written();
    return true;
  }

  end(): void {
    if (this.writeSide) this.writeSide.end();
    else this.closeWriting();
  }

  destroy(): void {
    if (this.read) this.read.destroy();
    if (this.writeSide) this.writeSide.destroy();
    else this.closeWriting();
  }

  private closeWriting(): void {
    this.isWriteClosed = true;
    this.settle(false);
  }

  pause(): void {
    if (this.read) this.read.pause();
  }

  resume(): void {
    if (this.read) this.read.resume();
  }

  cork(): void {
    if (this.writeSide) this.writeSide.cork();
  }

  uncork(): void {
    if (this.writeSide) this.writeSide.uncork();
  }

  setTimeout(): void {
    // Never: see "timeout" above.
  }
}
