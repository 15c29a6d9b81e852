/**
 * The unit of the wire: header and limits. The whole layout is in README.md here.
 *
 *   0: 1  type      1: 4  channel (0 = the link itself)      5: 3  payload length      all big-endian
 *
 * Types below 16 speak of the link, carry channel 0 and are not counted as link bytes; the others belong to
 * a channel, are counted, acknowledged, and would be sent again after a resume.
 */

export const Frame = {
  Hello: 1,
  GoAway: 2,
  Ping: 3,
  Pong: 4,
  Ack: 5,
  Open: 16,
  Opened: 17,
  Data: 18,
  End: 19,
  Reset: 20,
  Window: 21,
} as const;

export const HEADER_BYTES = 8;

/** Bytes of payload of one DATA frame: what one read of libuv delivers, so that a read is a frame. */
export const MAX_DATA_BYTES = 65_536;

/** Bytes of payload of any other frame: room for a host of 255 and for kinds of targets to come. */
export const MAX_SMALL_BYTES = 512;

/** Bytes of a host or of a detail: the limit of a DNS name, which is the longest of them. Source: RFC 1035 2.3.4. */
export const MAX_TEXT_BYTES = 255;

/** Fewest and most bytes of payload of each type. */
export const PAYLOAD_BYTES: Readonly<Record<number, readonly [least: number, most: number]>> = {
  [Frame.Hello]: [16, MAX_SMALL_BYTES],
  [Frame.GoAway]: [1, 256],
  [Frame.Ping]: [8, 8],
  [Frame.Pong]: [8, 8],
  [Frame.Ack]: [12, 12],
  [Frame.Open]: [1, MAX_SMALL_BYTES],
  [Frame.Opened]: [0, MAX_SMALL_BYTES],
  [Frame.Data]: [1, MAX_DATA_BYTES],
  [Frame.End]: [0, 0],
  [Frame.Reset]: [1, 256],
  [Frame.Window]: [4, 4],
};

/** Text is printable ASCII on the wire: no end needs a decoder, and no peer writes to a terminal. */
export function asDetail(text: string): string {
  return text.slice(0, MAX_TEXT_BYTES).replace(/[^ -~]/g, "?");
}

/** What follows the code in RESET and GO_AWAY. */
export function readDetail(payload: Uint8Array): string {
  return asDetail(String.fromCharCode(...payload.subarray(1)));
}

/** Four bytes, big-endian, unsigned. */
export function readU32(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let end = at + 4; at < end; at++) value = value * 256 + (bytes[at] || 0);
  return value;
}
