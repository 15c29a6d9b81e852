/** Cuts a stream of text into lines and keeps the last ones, bounded: a peer's stderr may say anything. */

const MAX_LINE_CHARS = 4096;
const MAX_LINES = 20;

export class LastLines {
  private partial = "";
  private readonly lines: string[] = [];
  private readonly translate: (line: string) => string;

  /** @param translate what is made of each line before anyone sees it. */
  constructor(translate: (line: string) => string = (line) => line) {
    this.translate = translate;
  }

  /** Takes the next text; returns the lines that it completed. A line too long is cut there. */
  push(text: string): string[] {
    const pieces = (this.partial + text).split(/\r?\n/);
    const rest = pieces.pop() ?? "";
    const complete = pieces.filter((line) => line !== "").flatMap((line) => cutLine(this.translate(line)));
    const tooLong = rest.length > MAX_LINE_CHARS;
    if (tooLong) complete.push(...cutLine(this.translate(rest)));
    this.partial = tooLong ? "" : rest;
    this.lines.push(...complete);
    this.lines.splice(0, Math.max(0, this.lines.length - MAX_LINES));
    return complete;
  }

  /** The last lines, an unfinished one included, oldest first. */
  last(count: number): string[] {
    return [...this.lines, this.translate(this.partial)].filter((line) => line !== "").slice(-count);
  }
}

function cutLine(line: string): string[] {
  const cut: string[] = [];
  for (let start = 0; start < line.length; start += MAX_LINE_CHARS) {
    cut.push(line.slice(start, start + MAX_LINE_CHARS));
  }
  return cut;
}
