import { Fifo } from "../../agent-src/wire/fifo.ts";

/** One direction of a link in virtual time: rate, delay, room, stalls, and reads cut where the test likes. */
export interface PipeOptions {
  readonly delayMs?: number;
  readonly bytesPerMs?: number;
  /** Bytes that the pipe takes before its reader has them; what a real one calls its buffer. */
  readonly capacityBytes?: number;
  /** Length of the next read, at least 1. */
  readonly cut?: () => number;
  /** Nothing arrives in these times: [from, to), ms. */
  readonly stalls?: readonly (readonly [number, number])[];
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly arrivesMs: number;
}

export class Pipe {
  private readonly options: PipeOptions;
  private readonly pieces = new Fifo<Piece>();
  private queuedBytes = 0;
  private freeAtMs = 0;

  constructor(options: PipeOptions) {
    this.options = options;
  }

  get roomBytes(): number {
    return (this.options.capacityBytes ?? Infinity) - this.queuedBytes;
  }

  get nextMs(): number {
    const first = this.pieces.peek();
    if (!first) return Infinity;
    const stall = this.options.stalls?.find(([from, to]) => first.arrivesMs >= from && first.arrivesMs < to);
    return stall ? stall[1] : first.arrivesMs;
  }

  push(list: readonly Uint8Array[], nowMs: number): void {
    const all = Buffer.concat(list);
    for (let from = 0; from < all.length;) {
      const bytes = all.subarray(from, from + (this.options.cut?.() ?? 65_536));
      this.freeAtMs = Math.max(this.freeAtMs, nowMs) + bytes.length / (this.options.bytesPerMs ?? Infinity);
      this.pieces.push({ bytes, arrivesMs: this.freeAtMs + (this.options.delayMs ?? 0) });
      this.queuedBytes += bytes.length;
      from += bytes.length;
    }
  }

  pop(nowMs: number): Uint8Array | undefined {
    if (this.nextMs > nowMs) return undefined;
    const piece = this.pieces.shift();
    this.queuedBytes -= piece?.bytes.length ?? 0;
    return piece?.bytes;
  }
}
