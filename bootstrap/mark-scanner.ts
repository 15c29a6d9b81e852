/** Finds stage 2's first line in what the far side prints: bytes in, a decision out. */

/** Bytes before the mark that are taken for noise of login scripts. More than any message of the day, less than a loop. */
export const MAX_NOISE_BYTES: number = 1024 * 1024;

export type MarkScan =
  | { readonly type: "more" }
  /** More noise than is believable. */
  | { readonly type: "noise-limit" }
  | { readonly type: "found"; readonly noise: Uint8Array; readonly line: string; readonly rest: Uint8Array };

/** Looks for `<newline><mark><blank><beginning>…<newline>`, however the bytes are cut; each byte is looked at once. */
export class MarkScanner {
  private readonly beginning: string;
  private readonly needle: Buffer;
  /** Twice as long whenever it is full. */
  private buffer: Buffer = Buffer.alloc(4096);
  private bytes = 0;
  /** Where the needle is, or -1. */
  private start = -1;

  /** @param beginning of what the line says; on a terminal stage 0's own lines come here as well. */
  constructor(mark: string, beginning: string) {
    this.beginning = beginning;
    this.needle = Buffer.from(`\n${mark} ${beginning}`);
  }

  /** Everything so far, for a message about a far side that never showed the mark. */
  get noise(): Uint8Array {
    return this.buffer.subarray(0, this.bytes);
  }

  push(chunk: Buffer): MarkScan {
    const searched = this.bytes;
    this.append(chunk);
    const seen = this.buffer.subarray(0, this.bytes);
    // The needle may have begun in an earlier chunk.
    const from = Math.max(0, searched - this.needle.length + 1);
    if (this.start < 0) this.start = seen.indexOf(this.needle, from);
    const lineStart = this.start + this.needle.length - this.beginning.length;
    const end = this.start < 0 ? -1 : seen.indexOf("\n", Math.max(lineStart, searched));
    if (end < 0) return this.bytes > MAX_NOISE_BYTES ? { type: "noise-limit" } : { type: "more" };
    return {
      type: "found",
      noise: seen.subarray(0, this.start),
      line: seen.toString("utf8", lineStart, end),
      rest: seen.subarray(end + 1),
    };
  }

  private append(chunk: Buffer): void {
    const bytes = this.bytes + chunk.length;
    if (bytes > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(bytes, 2 * this.buffer.length));
      larger.set(this.noise);
      this.buffer = larger;
    }
    this.buffer.set(chunk, this.bytes);
    this.bytes = bytes;
  }
}
