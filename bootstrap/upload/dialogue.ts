/** A conversation with the sh that has found no runtime: it evaluates a line, and answers with one. */
import { once } from "node:events";
import type { Writable } from "node:stream";

/** What is written at once; each piece that the transport takes is progress. */
const SLICE_BYTES = 65_536;

export class Dialogue {
  private readonly stdin: Writable;
  private readonly mark: string;
  private readonly onProgress: () => void;
  private waiting: { resolve: (answer: string) => void; reject: (error: Error) => void } | undefined;
  private isOver = false;

  constructor(stdin: Writable, mark: string, onProgress: () => void) {
    this.stdin = stdin;
    this.mark = mark;
    this.onProgress = onProgress;
  }

  /** A marked line of the far side's. One that nobody asked for is dropped. */
  answered(line: string): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.resolve(line);
  }

  /** The far side is gone: whoever waits for an answer is told. */
  close(): void {
    this.isOver = true;
    this.waiting?.reject(new Error("the far side has ended"));
    this.waiting = undefined;
  }

  /** @param script one line, for sh. */
  ask(script: string): Promise<string> {
    this.say(script);
    return new Promise((resolve, reject) => {
      if (this.isOver) reject(new Error("the far side has ended"));
      this.waiting = { resolve, reject };
    });
  }

  /** Asks, and sends what the script reads. An answer before all has been sent puts an end to the sending. */
  async upload(
    script: string,
    pieces: Iterable<Buffer> | AsyncIterable<Buffer>,
    onSent: (bytes: number) => void,
  ): Promise<string> {
    const state = { isAnswered: false };
    const answer = this.ask(script).finally(() => (state.isAnswered = true));
    // It is awaited below; what the pieces throw comes first.
    answer.catch(() => undefined);
    for await (const piece of pieces) {
      for (let start = 0; start < piece.length && !state.isAnswered; start += SLICE_BYTES) {
        const slice = piece.subarray(start, start + SLICE_BYTES);
        const isFull = !this.stdin.write(slice, () => {
          this.onProgress();
          onSent(slice.length);
        });
        if (isFull) await Promise.race([once(this.stdin, "drain").catch(() => undefined), answer]);
      }
      if (state.isAnswered) break;
    }
    return await answer;
  }

  /** Says a line that is not answered. What went before may have ended anywhere. */
  say(script: string): void {
    this.stdin.write(`\n${this.mark}${script}\n`, this.onProgress);
  }
}
