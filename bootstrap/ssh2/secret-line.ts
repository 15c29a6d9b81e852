/**
 * A line typed without echo: bytes of a terminal in raw mode in, what they come to out.
 *
 * In raw mode the kernel edits nothing and makes no signals, so both are done here, with the keys that a terminal
 * has by default. Source: termios(3), VERASE, VKILL, VINTR, VQUIT, VSUSP, VEOF.
 */

export type SecretLineEvent =
  | { readonly kind: "more" }
  | { readonly kind: "line"; readonly text: string }
  /** End of file on an empty line. */
  | { readonly kind: "end" }
  /** A key that makes a signal; what was typed so far is gone. */
  | { readonly kind: "signal"; readonly signal: "SIGINT" | "SIGQUIT" | "SIGTSTP" };

const SIGNAL_KEYS: ReadonlyMap<number, "SIGINT" | "SIGQUIT" | "SIGTSTP"> = new Map([
  [0x03, "SIGINT"],
  [0x1c, "SIGQUIT"],
  [0x1a, "SIGTSTP"],
]);
const KEY = { end: 0x04, backspace: 0x08, newline: 0x0a, enter: 0x0d, kill: 0x15, erase: 0x7f } as const;

/** Longest line that is kept, as in a terminal's own line mode (N_TTY_BUF_SIZE); more is dropped. */
export const MAX_SECRET_BYTES = 4096;

export class SecretLine {
  private typed: number[] = [];

  /** What the bytes come to. Behind the first event that is not "more" nothing of them is looked at. */
  push(bytes: Uint8Array): SecretLineEvent {
    for (const byte of bytes) {
      const event = this.take(byte);
      if (event.kind !== "more") return event;
    }
    return { kind: "more" };
  }

  private take(byte: number): SecretLineEvent {
    const signal = SIGNAL_KEYS.get(byte);
    if (signal !== undefined) {
      this.typed = [];
      return { kind: "signal", signal };
    }
    switch (byte) {
      case KEY.enter:
      case KEY.newline:
        return { kind: "line", text: Buffer.from(this.typed).toString("utf8") };
      case KEY.end:
        return this.typed.length === 0
          ? { kind: "end" }
          : { kind: "line", text: Buffer.from(this.typed).toString("utf8") };
      case KEY.erase:
      case KEY.backspace:
        this.erase();
        break;
      case KEY.kill:
        this.typed = [];
        break;
      default:
        if (this.typed.length < MAX_SECRET_BYTES) this.typed.push(byte);
    }
    return { kind: "more" };
  }

  /** One character, which in UTF-8 ends with any number of continuation bytes. */
  private erase(): void {
    for (let byte = this.typed.pop(); byte !== undefined && (byte & 0xc0) === 0x80;) byte = this.typed.pop();
  }
}
