/** Where a program's output goes on this machine, and when all of it has gone. */
import { closeSync, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { devNull } from "node:os";
import type { Writable } from "node:stream";
import type { WriteSide } from "../../agent-src/wire/half-socket.ts";

export class Output implements WriteSide {
  /** Resolves when everything is written, or nobody reads any more. */
  readonly done: Promise<void>;
  /** Taken away before its end, though somebody may still read: not everything has come. */
  isCut: boolean;
  /** Why not everything is written, for example a full disk. That nobody reads any more is none. */
  failure: NodeJS.ErrnoException | undefined;
  private readonly stream: Writable;
  private readonly closes: boolean;
  private hasEnded = false;
  private isSettled: boolean;
  private settle: () => void = () => undefined;

  /** @param closes whether the stream ends with the program's; else it stays open for others. */
  constructor(stream: Writable, closes: boolean) {
    this.stream = stream;
    this.closes = closes;
    this.isCut = false;
    stream.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") this.failure = error;
    });
    this.isSettled = false;
    this.done = new Promise((resolve) => {
      this.settle = () => {
        this.isSettled = true;
        resolve();
      };
    });
    for (const event of ["finish", "close", "error"]) stream.once(event, this.settle);
  }

  on(event: "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: string, listener: (error: Error) => void): unknown {
    return this.stream.on(event, listener);
  }

  write(bytes: Buffer, written: (error?: Error | null) => void): boolean {
    return this.stream.write(bytes, written);
  }

  /** Called after the last write was taken. */
  end(): void {
    this.hasEnded = true;
    if (this.closes) this.stream.end();
    else this.settle();
  }

  destroy(): void {
    if (!this.hasEnded && !this.isSettled) this.isCut = true;
    if (this.closes) this.stream.destroy();
    this.settle();
  }

  cork(): void {
    this.stream.cork();
  }

  uncork(): void {
    this.stream.uncork();
  }
}

/** Our stdout: if it is a pipe, it is closed with the program's, and whoever reads it need not wait for our end. */
export function standardOutput(): Output {
  ignoreErrors(process.stdout);
  const kind = fstatSync(1);
  return kind.isFIFO() || kind.isSocket()
    ? new Output(new StandardPipe(), true)
    : new Output(process.stdout, false);
}

/**
 * Descriptor 1, really closed at its end: libuv leaves it open. A pipe that a Node program made is a socket, which
 * the shell around us goes on writing to: so it is not shut down, and not left non-blocking.
 */
class StandardPipe extends Socket {
  constructor() {
    super({ fd: 1, readable: false, writable: true });
    this.once("close", () => {
      closeSync(1);
      // The lowest free number, which is 1: no file or connection that is opened later becomes our stdout.
      openSync(devNull, "w");
    });
  }

  override _final(done: () => void): void {
    done();
  }

  override destroy(error?: Error): this {
    // Node restores it at exit, but only where the descriptor is still the same file.
    const handle: unknown = Reflect.get(this, "_handle");
    if (canBlock(handle)) handle.setBlocking(true);
    return super.destroy(error);
  }
}

function canBlock(handle: unknown): handle is { setBlocking(blocks: boolean): void } {
  return typeof handle === "object" && handle !== null && "setBlocking" in handle;
}

/** Our stderr, which stays open: what we have to say comes after what the program had. */
export function standardError(): Output {
  ignoreErrors(process.stderr);
  return new Output(process.stderr, false);
}

/** That nobody reads any more is for the program to notice; it is not the end of us. */
function ignoreErrors(stream: Writable): void {
  stream.removeAllListeners("error").on("error", () => undefined);
}
