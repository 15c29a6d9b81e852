/** Bytes on their way into a descriptor, gathered from where they are: one writev for many pieces. */
import type { SystemCalls } from "../ffi.ts";

/** Pieces of one call; the kernel takes 1,024. */
const MAX_VECTORS = 64;
const VECTOR_BYTES = 16;

/** Up to here a piece is copied next to its neighbours: cheaper than a vector, and V8 may move what is short. */
const COPY_BYTES = 512;

const EAGAIN = -11;

export type Written = (error?: Error | null) => void;

interface Piece {
  readonly bytes: Uint8Array;
  readonly written: Written | undefined;
}

/**
 * struct iovec, of 64 bits and little-endian as every machine that koffi is built for and this runs on:
 *
 *   0: 8  address      8: 8  length
 *
 * What every descriptor shares, since a call is over before the next one begins.
 */
export class Vectors {
  readonly calls: SystemCalls;
  private readonly vectors: DataView;
  private readonly vectorBytes: Uint8Array;
  private readonly copies: Uint8Array;
  private readonly addresses: WeakMap<ArrayBufferLike, number>;

  constructor(calls: SystemCalls) {
    this.calls = calls;
    this.vectorBytes = new Uint8Array(MAX_VECTORS * VECTOR_BYTES);
    this.vectors = new DataView(this.vectorBytes.buffer);
    this.copies = new Uint8Array(MAX_VECTORS * COPY_BYTES);
    this.addresses = new WeakMap();
  }

  /** Writes what it can of the pieces, the first of them from `skip` on. Returns the number of bytes, or minus errno. */
  write(fd: number, pieces: readonly Piece[], skip: number): number {
    let count = 0;
    let copied = 0;
    let copiedFrom = 0;
    const add = (bytes: Uint8Array): void => {
      const at = count++ * VECTOR_BYTES;
      const address = this.addressOf(bytes);
      this.vectors.setUint32(at, address, true);
      this.vectors.setUint32(at + 4, address / 0x1_0000_0000, true);
      // The upper half stays 0.
      this.vectors.setUint32(at + 8, bytes.length, true);
    };
    for (let i = 0; i < pieces.length && count < MAX_VECTORS - 1 && i < MAX_VECTORS; i++) {
      const bytes = i === 0 && skip > 0 ? pieces[0]!.bytes.subarray(skip) : pieces[i]!.bytes;
      if (bytes.length <= COPY_BYTES) {
        this.copies.set(bytes, copied);
        copied += bytes.length;
        continue;
      }
      if (copied > copiedFrom) add(this.copies.subarray(copiedFrom, copied));
      copiedFrom = copied;
      add(bytes);
    }
    if (copied > copiedFrom) add(this.copies.subarray(copiedFrom, copied));
    return this.calls.writev(fd, this.vectorBytes, count);
  }

  private addressOf(bytes: Uint8Array): number {
    const { buffer } = bytes;
    let address = this.addresses.get(buffer);
    if (address === undefined) {
      address = this.calls.addressOf(new Uint8Array(buffer));
      this.addresses.set(buffer, address);
    }
    return address + bytes.byteOffset;
  }
}

/** The queue of one descriptor. */
export class Outgoing {
  private readonly vectors: Vectors;
  private readonly fd: number;
  private pieces: Piece[];
  /** Of the first piece, written already. */
  private skip: number;

  constructor(vectors: Vectors, fd: number) {
    this.vectors = vectors;
    this.fd = fd;
    this.pieces = [];
    this.skip = 0;
  }

  get isEmpty(): boolean {
    return this.pieces.length === 0;
  }

  /** They must not change until `written` is called. */
  push(bytes: Uint8Array, written: Written | undefined): void {
    this.pieces.push({ bytes, written });
  }

  clear(): void {
    this.pieces = [];
  }

  /** Writes as much as goes. 0: nothing is left. Below: minus errno, EAGAIN if it must be ready first. */
  flush(): number {
    while (this.pieces.length > 0) {
      const written = this.vectors.write(this.fd, this.pieces, this.skip);
      if (written < 0) return written;
      this.advance(written);
    }
    return 0;
  }

  private advance(bytes: number): void {
    let left = bytes + this.skip;
    let done = 0;
    for (; done < this.pieces.length; done++) {
      const { length } = this.pieces[done]!.bytes;
      if (length > left) break;
      left -= length;
    }
    this.skip = left;
    // Whoever is called may push more.
    for (const { written } of this.pieces.splice(0, done)) written?.();
  }
}

export const isAgain = (result: number): boolean => result === EAGAIN;
