import { GoAway, PeerError } from "./codes.ts";
import { Frame, HEADER_BYTES, MAX_SMALL_BYTES, PAYLOAD_BYTES } from "./frame.ts";

const NOTHING = new Uint8Array(0);

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
  /** The whole payload, or of DATA the piece at hand (never empty). Good until `next` is called. */
  payload: Uint8Array;
  /** Link bytes of this piece: the header counts with the first one. */
  bytes: number;
  private input: Uint8Array;
  private at: number;
  private readonly held: Uint8Array;
  private heldBytes: number;
  private dataLeft: number;

  constructor() {
    this.type = 0;
    this.channel = 0;
    this.payload = NOTHING;
    this.bytes = 0;
    this.input = NOTHING;
    this.at = 0;
    this.held = new Uint8Array(HEADER_BYTES + MAX_SMALL_BYTES);
    this.heldBytes = 0;
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
    if (this.dataLeft === 0 && !this.readFrame()) return false;
    if (this.dataLeft === 0) return true;
    const end = Math.min(this.at + this.dataLeft, this.input.length);
    this.payload = this.input.subarray(this.at, end);
    this.bytes += end - this.at;
    this.dataLeft -= end - this.at;
    this.at = end;
    return this.payload.length > 0;
  }

  /** Reads a small frame whole, of DATA the header. False: the input has ended first. */
  private readFrame(): boolean {
    let from = this.input;
    let at = this.at;
    if (this.heldBytes > 0 || from.length - at < HEADER_BYTES) {
      if (!this.hold(HEADER_BYTES)) return false;
      from = this.held;
      at = 0;
    }
    const length = this.readHeader(from, at);
    const isData = this.type === Frame.Data;
    let end = at + HEADER_BYTES + (isData ? 0 : length);
    if (end > from.length || from === this.held) {
      if (!this.hold(HEADER_BYTES + (isData ? 0 : length))) return false;
      from = this.held;
      at = 0;
      end = this.heldBytes;
      this.heldBytes = 0;
    } else {
      this.at = end;
    }
    if (isData) this.dataLeft = length;
    else this.payload = from.subarray(at + HEADER_BYTES, end);
    this.bytes = end - at;
    return true;
  }

  private hold(bytes: number): boolean {
    const end = Math.min(this.at + Math.max(bytes - this.heldBytes, 0), this.input.length);
    this.held.set(this.input.subarray(this.at, end), this.heldBytes);
    this.heldBytes += end - this.at;
    this.at = end;
    return this.heldBytes >= bytes;
  }

  private readHeader(from: Uint8Array, at: number): number {
    const word = new DataView(from.buffer, from.byteOffset + at, HEADER_BYTES);
    const length = word.getUint32(4) & 0xffffff;
    this.type = word.getUint8(0);
    this.channel = word.getUint32(1);
    const limits = PAYLOAD_BYTES[this.type];
    if (!limits) throw new PeerError(GoAway.Protocol, `Cannot read frame: type ${this.type}`);
    if (length < limits[0] || length > limits[1])
      throw new PeerError(
        GoAway.FrameSize,
        `Cannot read frame of type ${this.type}: ${length} bytes, ${limits[0]} to ${limits[1]} allowed`,
      );
    if (this.type < Frame.Open !== (this.channel === 0))
      throw new PeerError(GoAway.Protocol, `Cannot read frame of type ${this.type}: channel ${this.channel}`);
    return length;
  }
}
