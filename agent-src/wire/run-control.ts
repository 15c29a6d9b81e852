/**
 * Running a program over a link: the channels that it takes, and what is said on the one that controls it.
 *
 * A link runs one program. Its four streams and its control have a channel each, all opened by the client
 * (README.md, section 11). The control channel carries messages both ways, one behind the other:
 *
 *   0: 1  type     1: 3  payload length     4: …  payload
 */
import { GoAway, PeerError } from "./codes.ts";
import type { Target } from "./target.ts";

/** Kinds of OPEN, nothing behind them. */
export const RunKind = { Control: 32, Stdin: 33, Stdout: 34, Stderr: 35, Loader: 36 } as const;
export type RunKind = (typeof RunKind)[keyof typeof RunKind];

/** The tunnel's agent offers none of these, so to target.ts they are kinds of another version. */
export const runTarget = (kind: RunKind): Target => ({ kind: "unknown", number: kind });

/** What the client says: START first and once, then signals. */
export type RunRequest =
  /** UTF-8 of the text for the runtime's -e. */
  | { readonly type: "start"; readonly text: Uint8Array }
  /** "SIGINT" and its like; a name that the far side's system does not have is left unsent. */
  | { readonly type: "signal"; readonly name: string };

/** What the agent says: STARTED, then EXITED or KILLED; or FAILED alone. */
export type RunReport =
  | { readonly type: "started"; readonly pid: number }
  /** Everything that it wrote has been sent before. */
  | { readonly type: "exited"; readonly status: number }
  | { readonly type: "killed"; readonly number: number; readonly name: string }
  /** It could not be started; UTF-8 of the system's reason. */
  | { readonly type: "failed"; readonly reason: Uint8Array };

const Type = { Start: 1, Signal: 2, Started: 16, Exited: 17, Killed: 18, Failed: 19 } as const;

const HEADER_BYTES = 4;

/** Longest payload of START: it fits, header included, into the window before the hello. */
export const MAX_START_BYTES = 32_768;
/** Longest reason of FAILED. */
export const MAX_REASON_BYTES = 1024;

/** Signals' names are up to 9 letters long today (SIGVTALRM, SIGSTKFLT). */
const SIGNAL_NAME = /^SIG[A-Z0-9]{1,13}$/;

/** Least and most bytes of payload. */
const PAYLOAD_BYTES: Readonly<Record<number, readonly [number, number]>> = {
  [Type.Start]: [1, MAX_START_BYTES],
  [Type.Signal]: [4, 16],
  [Type.Started]: [4, 4],
  [Type.Exited]: [1, 1],
  [Type.Killed]: [5, 17],
  [Type.Failed]: [1, MAX_REASON_BYTES],
};

/** @throws RangeError for a text that is empty or too long, or a name that no signal has. */
export function encodeRequest(request: RunRequest): Uint8Array {
  switch (request.type) {
    case "start":
      return message(Type.Start, request.text);
    case "signal":
      return message(Type.Signal, nameBytes(request.name));
  }
}

/** @throws RangeError for a number or a name out of bounds. A reason is cut. */
export function encodeReport(report: RunReport): Uint8Array {
  switch (report.type) {
    case "started": {
      const payload = new Uint8Array(4);
      new DataView(payload.buffer).setUint32(0, report.pid);
      return message(Type.Started, payload);
    }
    case "exited":
      return message(Type.Exited, Uint8Array.of(report.status));
    case "killed":
      return message(Type.Killed, Uint8Array.of(report.number, ...nameBytes(report.name)));
    case "failed":
      return message(Type.Failed, report.reason.subarray(0, MAX_REASON_BYTES));
  }
}

function message(type: number, payload: Uint8Array): Uint8Array {
  const [least, most] = PAYLOAD_BYTES[type] ?? [0, 0];
  if (payload.length < least || payload.length > most)
    throw new RangeError(
      `Cannot write message of type ${type}: ${payload.length} bytes, ${least} to ${most} allowed`,
    );
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  new DataView(bytes.buffer).setUint32(0, type * 0x1000000 + payload.length);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function nameBytes(name: string): Uint8Array {
  if (!SIGNAL_NAME.test(name)) throw new RangeError(`Cannot write signal "${name}": no signal has that name`);
  return Uint8Array.from(name, (char) => char.charCodeAt(0));
}

/** @throws PeerError for anything that encodeRequest() does not write. */
export function parseRequest(type: number, payload: Uint8Array): RunRequest {
  switch (type) {
    case Type.Start:
      return { type: "start", text: payload };
    case Type.Signal:
      return { type: "signal", name: parseName(payload) };
    default:
      throw new PeerError(`read run request of type ${type}`, "there is none");
  }
}

/** @throws PeerError for anything that encodeReport() does not write. */
export function parseReport(type: number, payload: Uint8Array): RunReport {
  const [first = 0] = payload;
  switch (type) {
    case Type.Started:
      return { type: "started", pid: new DataView(payload.buffer, payload.byteOffset).getUint32(0) };
    case Type.Exited:
      return { type: "exited", status: first };
    case Type.Killed:
      if (first < 1 || first > 127) throw new PeerError("read run report", `signal ${first}`);
      return { type: "killed", number: first, name: parseName(payload.subarray(1)) };
    case Type.Failed:
      return { type: "failed", reason: payload };
    default:
      throw new PeerError(`read run report of type ${type}`, "there is none");
  }
}

function parseName(bytes: Uint8Array): string {
  const name = String.fromCharCode(...bytes);
  if (!SIGNAL_NAME.test(name)) throw new PeerError("read signal", `"${name}" is no signal's name`);
  return name;
}

/**
 * Cuts a channel's bytes into messages, wherever they were cut. Holds one message at most, and nothing is
 * allocated before its length is known to be allowed.
 */
export class MessageReader<T> {
  private readonly parse: (type: number, payload: Uint8Array) => T;
  private readonly header: Uint8Array;
  private headerBytes: number;
  private payload: Uint8Array;
  private payloadBytes: number;

  constructor(parse: (type: number, payload: Uint8Array) => T) {
    this.parse = parse;
    this.header = new Uint8Array(HEADER_BYTES);
    this.headerBytes = 0;
    this.payload = this.header;
    this.payloadBytes = 0;
  }

  /**
   * The messages that these bytes complete.
   * @throws PeerError for a type or a length that none has, and what `parse` throws.
   */
  push(bytes: Uint8Array): T[] {
    const complete: T[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.headerBytes < HEADER_BYTES) {
        this.header[this.headerBytes++] = bytes[at++] ?? 0;
        if (this.headerBytes === HEADER_BYTES) this.readHeader();
        continue;
      }
      const piece = bytes.subarray(at, at + this.payload.length - this.payloadBytes);
      this.payload.set(piece, this.payloadBytes);
      this.payloadBytes += piece.length;
      at += piece.length;
      if (this.payloadBytes < this.payload.length) continue;
      this.headerBytes = 0;
      complete.push(this.parse(this.header[0] ?? 0, this.payload));
    }
    return complete;
  }

  /** Of a message that has begun and is not complete. */
  get heldBytes(): number {
    return this.headerBytes < HEADER_BYTES ? this.headerBytes : HEADER_BYTES + this.payloadBytes;
  }

  private readHeader(): void {
    const [type = 0] = this.header;
    const length = new DataView(this.header.buffer).getUint32(0) & 0xffffff;
    const bounds = PAYLOAD_BYTES[type];
    if (!bounds) throw new PeerError(`read message of type ${type}`, "there is none");
    if (length < bounds[0] || length > bounds[1])
      throw new PeerError(
        `read message of type ${type}`,
        `${length} bytes, ${bounds[0]} to ${bounds[1]} allowed`,
        GoAway.FrameSize,
      );
    this.payload = new Uint8Array(length);
    this.payloadBytes = 0;
  }
}
