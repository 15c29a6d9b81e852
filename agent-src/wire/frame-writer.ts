import { HEADER_BYTES, MAX_SMALL_BYTES } from "./frame.ts";

/** Headers and small frames are written into slabs of this many bytes: one allocation per 2,000 DATA frames. */
const SLAB_BYTES = 16_384;

/** Payload up to here is copied next to its header: cheaper than a view and one more buffer for writev. */
const COPY_BYTES = MAX_SMALL_BYTES;

/** Collects frames as a list of views: of slabs for what is small, of the payload itself where it is big. */
export class FrameWriter {
  /** Bytes collected since the last `take`. */
  bytes: number;
  private slab: Uint8Array;
  /** Of the slab: what lies before `from` is in the list; up to `at` it is written. */
  private from: number;
  private at: number;
  private list: Uint8Array[];

  constructor() {
    this.bytes = 0;
    this.slab = new Uint8Array(0);
    this.from = 0;
    this.at = 0;
    this.list = [];
  }

  /** Begins a frame: then follow `length` bytes by the methods below. */
  frame(type: number, channel: number, length: number): this {
    if (this.slab.length - this.at < HEADER_BYTES + MAX_SMALL_BYTES) {
      this.cut();
      this.slab = new Uint8Array(SLAB_BYTES);
      this.from = this.at = 0;
    }
    return this.u8(type)
      .u32(channel)
      .u8(length >>> 16)
      .u16(length);
  }

  u8(value: number): this {
    this.slab[this.at++] = value;
    this.bytes++;
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value);
  }

  /** An integer up to 2^53 - 1. */
  u64(value: number): this {
    return this.u32(value / 4_294_967_296).u32(value);
  }

  /** Printable ASCII, `MAX_TEXT_BYTES` at most. */
  text(text: string): this {
    for (let i = 0; i < text.length; i++) this.u8(text.charCodeAt(i));
    return this;
  }

  payload(bytes: Uint8Array): this {
    this.bytes += bytes.length;
    if (bytes.length <= COPY_BYTES && bytes.length <= this.slab.length - this.at) {
      this.slab.set(bytes, this.at);
      this.at += bytes.length;
    } else {
      this.cut();
      this.list.push(bytes);
    }
    return this;
  }

  /** What was collected, in order, or undefined if it is nothing. */
  take(): Uint8Array[] | undefined {
    this.cut();
    const list = this.list;
    if (list.length === 0) return undefined;
    this.list = [];
    this.bytes = 0;
    return list;
  }

  private cut(): void {
    if (this.at > this.from) this.list.push(this.slab.subarray(this.from, this.at));
    this.from = this.at;
  }
}
