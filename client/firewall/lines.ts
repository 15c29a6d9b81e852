import { FirewallError } from "./errors.ts";

/** The longest line is a reply with a tool's complaint in it; requests need a tenth. */
export const MAX_LINE_BYTES = 4096;
const LINE_FEED = 10;

/** Cuts a byte stream into lines of ASCII text, without I/O. */
export class LineReader {
  private rest: Uint8Array = new Uint8Array(0);

  /**
   * The lines that are complete with these bytes.
   * @throws FirewallError "firewall-request" for a line over MAX_LINE_BYTES or bytes outside of printable ASCII.
   */
  receive(bytes: Uint8Array): string[] {
    const joined = new Uint8Array(this.rest.length + bytes.length);
    joined.set(this.rest);
    joined.set(bytes, this.rest.length);
    const lines: string[] = [];
    let start = 0;
    for (let end = joined.indexOf(LINE_FEED); end >= 0; end = joined.indexOf(LINE_FEED, start)) {
      lines.push(decodeLine(joined.subarray(start, end)));
      start = end + 1;
    }
    this.rest = joined.slice(start);
    if (this.rest.length > MAX_LINE_BYTES) throw tooLong(this.rest.length);
    return lines;
  }
}

function decodeLine(bytes: Uint8Array): string {
  if (bytes.length > MAX_LINE_BYTES) throw tooLong(bytes.length);
  if (bytes.some((byte) => byte < 0x20 || byte > 0x7e)) {
    throw new FirewallError(
      "firewall-request",
      "Cannot read line: it holds bytes outside of printable ASCII",
    );
  }
  return String.fromCharCode(...bytes);
}

function tooLong(bytes: number): FirewallError {
  return new FirewallError("firewall-request", `Cannot read line: ${bytes} bytes, at most ${MAX_LINE_BYTES}`);
}
