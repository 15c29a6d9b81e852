/** Lines of ours among what the far side says on stderr: bytes in, lines out. */

/** A line with the mark that is longer than this is none of ours. */
export const MAX_MARKED_LINE_BYTES = 8192;

/** Finds `<mark><blank>…<newline>` anywhere in a line: what an rc file printed last need not have ended its own. */
export class MarkedLines {
  private readonly needle: string;
  /** The line that has not ended yet: its mark and what follows, or as much as may be the beginning of one. */
  private rest = "";

  constructor(mark: string) {
    this.needle = `${mark} `;
  }

  /** What follows the mark and its blank, of each line that has ended. */
  push(chunk: Uint8Array): string[] {
    const lines = (this.rest + Buffer.from(chunk).toString("latin1")).split("\n");
    const last = lines.pop() ?? "";
    const start = last.indexOf(this.needle);
    if (start < 0) this.rest = last.slice(-this.needle.length);
    else this.rest = last.length - start > MAX_MARKED_LINE_BYTES ? "" : last.slice(start);
    return lines.flatMap((line) => {
      const at = line.indexOf(this.needle);
      const text = line.slice(at + this.needle.length);
      const isOurs = at >= 0 && text.length <= MAX_MARKED_LINE_BYTES;
      return isOurs ? [Buffer.from(text, "latin1").toString("utf8").trimEnd()] : [];
    });
  }
}

/** The same bytes without the lines that hold the mark. */
export function withoutMarkedLines(bytes: Buffer, mark: string): Buffer {
  if (!bytes.includes(`${mark} `)) return bytes;
  const kept = bytes
    .toString("latin1")
    .split(/(?<=\n)/)
    .map((line) => (line.includes(`${mark} `) ? line.slice(0, line.indexOf(`${mark} `)) : line));
  return Buffer.from(kept.join(""), "latin1");
}
