import { GoAway, PeerError } from "./codes.ts";
import { Frame, HEADER_BYTES, MAX_SMALL_BYTES, PAYLOAD_BYTES, readU32 } from "./frame.ts";

/**
 * Cuts the link's bytes into frames, wherever the reads were cut. Holds back at most one small frame; the
 * payload of DATA is handed out as it arrives, as views of the input.
 *
 *   reader.push(bytes);
 *   while (reader.next()) use(reader.type, reader.channel, reader.payload);
 */
export class FrameReader {
  type: number;
  channel: number;
  /** The whole payload, good until `next` is called; of DATA the piece at hand, which is never empty and stays. */
  payload: Uint8Array;
  /** Bytes of the link in this piece: the header counts with the first one. */
  bytes: number;
  private readonly held: Uint8Array;
  private heldBytes: number;
  private input: Uint8Array;
  private at: number;
  private dataLeft: number;

  constructor() {
    this.type = 0;
    this.channel = 0;
    this.bytes = 0;
    this.held = new Uint8Array(HEADER_BYTES + MAX_SMALL_BYTES);
    this.heldBytes = 0;
    this.payload = this.input = this.held;
    this.at = 0;
    this.dataLeft = 0;
  }

  /** Takes the next input; the one before must have been read until `next` said false. */
  push(input: Uint8Array): void {
    this.input = input;
    this.at = 0;
  }

  /** @throws PeerError for a header that no frame has. */
  next(): boolean {
    this.bytes = 0;
    if (this.dataLeft === 0) {
      if (!this.hold(HEADER_BYTES)) return false;
      const length = this.readHeader();
      const isData = this.type === Frame.Data;
      const heldBytes = HEADER_BYTES + (isData ? 0 : length);
      if (isData ? this.at === this.input.length : !this.hold(heldBytes)) return false;
      this.heldBytes = 0;
      this.bytes = heldBytes;
      this.payload = this.held.subarray(HEADER_BYTES, heldBytes);
      if (!isData) return true;
      this.dataLeft = length;
    }
    this.payload = this.input.subarray(this.at, this.at + this.dataLeft);
    this.at += this.payload.length;
    this.bytes += this.payload.length;
    this.dataLeft -= this.payload.length;
    return this.payload.length > 0;
  }

  private hold(bytes: number): boolean {
    while (this.heldBytes < bytes && this.at < this.input.length)
      this.held[this.heldBytes++] = this.input[this.at++] ?? 0;
    return this.heldBytes >= bytes;
  }

  private readHeader(): number {
    const type = (this.type = this.held[0] ?? 0);
    const length = readU32(this.held, 4) & 0xffffff;
    this.channel = readU32(this.held, 1);
    const [least, most] = PAYLOAD_BYTES[type] ?? [1, 0];
    if (type < Frame.Open !== (this.channel === 0) || least > most)
      throw new PeerError(`read frame of type ${type}`, `unknown, or not on channel ${this.channel}`);
    if (length < least || length > most)
      throw new PeerError(
        `read frame of type ${type}`,
        `${length} bytes, ${least} to ${most} allowed`,
        GoAway.FrameSize,
      );
    return length;
  }
}
