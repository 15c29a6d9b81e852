/** Finds stage 2's first line in what the far side prints: bytes in, a decision out. */

/** Bytes before the mark that are taken for noise of login scripts. More than any message of the day, less than a loop. */
export const MAX_NOISE_BYTES: number = 1024 * 1024;

export type MarkScan =
  | { readonly type: "more" }
  /** More noise than is believable. */
  | { readonly type: "noise-limit" }
  | { readonly type: "found"; readonly noise: Uint8Array; readonly line: string; readonly rest: Uint8Array };

/** Looks for `<newline><mark><blank>…<newline>`, however the bytes are cut. */
export class MarkScanner {
  private readonly needle: Buffer;
  private readonly chunks: Buffer[] = [];
  private bytes = 0;

  constructor(mark: string) {
    this.needle = Buffer.from(`\n${mark} `);
  }

  /** Everything so far, for a message about a far side that never showed the mark. */
  get noise(): Uint8Array {
    return Buffer.concat(this.chunks);
  }

  push(chunk: Buffer): MarkScan {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    const all = Buffer.concat(this.chunks);
    const start = all.indexOf(this.needle);
    const lineStart = start + this.needle.length;
    const end = start < 0 ? -1 : all.indexOf("\n", lineStart);
    if (end < 0) {
      // One buffer from now on: each chunk is searched with what came before it, at most the limit.
      this.chunks.splice(0, this.chunks.length, all);
      return this.bytes > MAX_NOISE_BYTES ? { type: "noise-limit" } : { type: "more" };
    }
    return {
      type: "found",
      noise: all.subarray(0, start),
      line: all.toString("utf8", lineStart, end),
      rest: all.subarray(end + 1),
    };
  }
}
