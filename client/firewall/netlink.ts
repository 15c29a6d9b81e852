/**
 * Netlink messages and attributes as bytes, and back. No socket here.
 *
 * A message is a header and a payload of attributes; everything starts on a multiple of 4 bytes.
 *
 *   0: 4  length with this header     4: 2  type     6: 2  flags     8: 4  sequence     12: 4  port id
 *
 *   0: 2  attribute length with this header     2: 2  attribute type     4: …  value, padded to 4
 *
 * Headers are in the host's byte order; what nfnetlink puts into values is mostly big-endian.
 * Source: linux/netlink.h, RFC 3549 section 2.3.2.
 */

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_CREATE = 0x400;
export const NLM_F_EXCL = 0x200;
export const NLM_F_APPEND = 0x800;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
/** Set in an error's flags if attributes follow the request's header. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

const NLA_F_NESTED = 0x8000;
/** Type without the flags for nesting and byte order. */
const NLA_TYPE_MASK = 0x3fff;
const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;

const TEXT_ENCODER = new TextEncoder();

/** Byte order of this machine, for headers. */
export const HOST_LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** An attribute whose value is bytes, or more attributes. */
export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array | readonly Attribute[];
}

/** What the kernel says about one request: 0 or minus errno, and the reason in words where it knows one. */
export interface Acknowledgement {
  readonly sequence: number;
  readonly result: number;
  readonly text: string | undefined;
}

export function encodeMessages(messages: readonly Message[]): Uint8Array {
  const total = messages.reduce((sum, { payload }) => sum + align(HEADER_BYTES + payload.length), 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { type, flags, sequence, payload } of messages) {
    view.setUint32(at, HEADER_BYTES + payload.length, HOST_LITTLE_ENDIAN);
    view.setUint16(at + 4, type, HOST_LITTLE_ENDIAN);
    view.setUint16(at + 6, flags, HOST_LITTLE_ENDIAN);
    view.setUint32(at + 8, sequence, HOST_LITTLE_ENDIAN);
    bytes.set(payload, at + HEADER_BYTES);
    at += align(HEADER_BYTES + payload.length);
  }
  return bytes;
}

/** Splits one datagram. What does not add up ends the list: the kernel is trusted, a short buffer is not. */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const view = viewOf(bytes);
  const messages: Message[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(at, HOST_LITTLE_ENDIAN);
    if (length < HEADER_BYTES || at + length > bytes.length) break;
    messages.push({
      type: view.getUint16(at + 4, HOST_LITTLE_ENDIAN),
      flags: view.getUint16(at + 6, HOST_LITTLE_ENDIAN),
      sequence: view.getUint32(at + 8, HOST_LITTLE_ENDIAN),
      payload: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** Measures first and writes once: a plan of 16,384 subnets is half a million attributes. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const bytes = new Uint8Array(sizeOfAll(attributes));
  writeAttributes(new DataView(bytes.buffer), bytes, 0, attributes);
  return bytes;
}

function sizeOfAll(attributes: readonly Attribute[]): number {
  let total = 0;
  for (const attribute of attributes) total += align(ATTRIBUTE_HEADER_BYTES + sizeOfValue(attribute));
  return total;
}

function sizeOfValue({ value }: Attribute): number {
  return value instanceof Uint8Array ? value.length : sizeOfAll(value);
}

/** Returns where the next attribute would stand. */
function writeAttributes(
  view: DataView,
  bytes: Uint8Array,
  start: number,
  attributes: readonly Attribute[],
): number {
  let at = start;
  for (const { type, value } of attributes) {
    const body = at + ATTRIBUTE_HEADER_BYTES;
    const isBytes = value instanceof Uint8Array;
    if (isBytes) bytes.set(value, body);
    const end = isBytes ? body + value.length : writeAttributes(view, bytes, body, value);
    view.setUint16(at, end - at, HOST_LITTLE_ENDIAN);
    view.setUint16(at + 2, isBytes ? type : type | NLA_F_NESTED, HOST_LITTLE_ENDIAN);
    at = align(end);
  }
  return at;
}

/** The attributes of one level, by type. A nested value is decoded by calling this on it. */
export function decodeAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = viewOf(bytes);
  const attributes = new Map<number, Uint8Array>();
  let at = 0;
  while (at + ATTRIBUTE_HEADER_BYTES <= bytes.length) {
    const length = view.getUint16(at, HOST_LITTLE_ENDIAN);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) break;
    const type = view.getUint16(at + 2, HOST_LITTLE_ENDIAN) & NLA_TYPE_MASK;
    attributes.set(type, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
    at += align(length);
  }
  return attributes;
}

/**
 * Reads an NLMSG_ERROR message, which is an acknowledgement if its result is 0. Undefined for other messages.
 *
 *   0: 4  minus errno     4: 16  header of the request     20: …  the request, unless capped; attributes
 */
export function decodeAcknowledgement(message: Message): Acknowledgement | undefined {
  const { payload } = message;
  if (message.type !== NLMSG_ERROR || payload.length < 4 + HEADER_BYTES) return undefined;
  const view = viewOf(payload);
  const requestBytes = view.getUint32(4, HOST_LITTLE_ENDIAN);
  const skip = (message.flags & NLM_F_CAPPED) === 0 ? align(requestBytes) : HEADER_BYTES;
  const extra = (message.flags & NLM_F_ACK_TLVS) === 0 ? undefined : payload.subarray(4 + skip);
  const text = extra === undefined ? undefined : decodeAttributes(extra).get(NLMSGERR_ATTR_MSG);
  return {
    sequence: message.sequence,
    result: view.getInt32(0, HOST_LITTLE_ENDIAN),
    text: text === undefined ? undefined : decodeText(text),
  };
}

/** A string as the kernel wants it, with its final NUL. */
export function encodeText(text: string): Uint8Array {
  return TEXT_ENCODER.encode(`${text}\0`);
}

export function decodeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

export function encodeUint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** 0 if there is no such attribute. */
export function decodeUint32(bytes: Uint8Array | undefined): number {
  return bytes === undefined || bytes.length < 4 ? 0 : viewOf(bytes).getUint32(0);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function align(length: number): number {
  return (length + 3) & ~3;
}
