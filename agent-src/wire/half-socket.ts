/**
 * One stream, or two that are no socket, in the shape that `splice` joins to a channel: a program's stdin is
 * only written, its stdout only read. The direction that is not there has ended from the start.
 */
import type { SpliceSocket } from "./splice.ts";

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

type Registration =
  | ["data", (bytes: Uint8Array) => void]
  | ["end" | "close" | "timeout", () => void]
  | ["error", (error: Error) => void];

export class HalfSocket implements SpliceSocket {
  private readonly read: ReadSide | undefined;
  private readonly writeSide: WriteSide | undefined;
  private readonly endListeners: (() => void)[];
  private hasEnded: boolean;

  constructor(sides: { readonly read?: ReadSide; readonly write?: WriteSide }) {
    this.read = sides.read;
    this.writeSide = sides.write;
    this.endListeners = [];
    this.hasEnded = !sides.read;
    if (sides.read) sides.read.on("end", () => this.finish());
  }

  on(...[event, listener]: Registration): void {
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
      case "close": {
        let openSides = (read ? 1 : 0) + (writeSide ? 1 : 0);
        const closed = (): void => {
          if (--openSides === 0) listener();
        };
        if (read) read.on("close", closed);
        if (writeSide) writeSide.on("close", closed);
        return;
      }
      case "error":
        if (read) read.on("error", listener);
        if (writeSide) writeSide.on("error", listener);
        return;
      case "timeout":
        return; // A program may be silent for as long as it likes.
    }
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
  }

  destroy(): void {
    if (this.read) this.read.destroy();
    if (this.writeSide) this.writeSide.destroy();
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
