/** Where a program's output goes on this machine, and when all of it has gone. */
import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { WriteSide } from "../../agent-src/wire/half-socket.ts";

export class Output implements WriteSide {
  /** Resolves when everything is written, or nobody reads any more. */
  readonly done: Promise<void>;
  private readonly stream: Writable;
  private readonly closes: boolean;
  private settle: () => void = () => undefined;

  /** @param closes whether the stream ends with the program's; else it stays open for others. */
  constructor(stream: Writable, closes: boolean) {
    this.stream = stream;
    this.closes = closes;
    this.done = new Promise((resolve) => (this.settle = resolve));
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
    if (this.closes) this.stream.end();
    else this.settle();
  }

  destroy(): void {
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

/**
 * Our stdout. Node's own stream never closes its descriptor, and whoever reads our pipe would wait for its end until
 * we end; so a pipe gets a stream that does.
 */
export function standardOutput(): Output {
  ignoreErrors(process.stdout);
  const kind = fstatSync(1);
  return kind.isFIFO() || kind.isSocket()
    ? new Output(new Socket({ fd: 1, readable: false, writable: true }), true)
    : new Output(process.stdout, false);
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
