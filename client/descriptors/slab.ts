/**
 * Memory that is read into: what was read is handed out as views, and nothing is copied. One slab serves many
 * descriptors, since a read fills it at once; an idle one holds no memory.
 */

/** What is read at a time at most. Against 64 KiB: a quarter of the calls and of the wake-ups of both ends. */
const READ_BYTES = 262_144;

/** With less room than that left, a new slab is begun. */
const MIN_READ_BYTES = 65_536;

/** Up to here what was read is copied: a view would keep a whole slab for a key stroke. */
const COPY_BYTES = 4096;

export class Slab {
  private readonly isUnused: () => boolean;
  private slab: Uint8Array;
  private at: number;

  /** `isUnused`: nobody refers to anything that was taken before, so that its memory may be used again. */
  constructor(isUnused: () => boolean) {
    this.isUnused = isUnused;
    this.slab = new Uint8Array(0);
    this.at = 0;
  }

  /** Where to read to; until `take` it belongs to whoever asked last. */
  get room(): Uint8Array {
    if (this.at > 0 && this.isUnused()) this.at = 0;
    if (this.slab.length - this.at < MIN_READ_BYTES) {
      this.slab = Buffer.allocUnsafeSlow(READ_BYTES);
      this.at = 0;
    }
    return this.at === 0 ? this.slab : this.slab.subarray(this.at);
  }

  /** The first bytes of `room`, which have been read. */
  take(bytes: number): Uint8Array {
    const taken = this.slab.subarray(this.at, this.at + bytes);
    if (bytes <= COPY_BYTES) return Buffer.from(taken);
    this.at += bytes;
    return taken;
  }
}
