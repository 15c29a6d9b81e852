import { GoAway, PeerError } from "./codes.ts";
import { Frame, readU32 } from "./frame.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES } from "./window.ts";

/** The versions that this code speaks. */
export const MIN_VERSION = 1;
export const MAX_VERSION = 1;

/** What an end says of itself, first of all. */
export interface Hello {
  readonly minVersion: number;
  readonly maxVersion: number;
  /** Bytes that it takes on each channel before any is consumed. */
  readonly windowBytes: number;
  /** Channels that the reader of this hello may have open. */
  readonly maxChannels: number;
}

/**
 * Payload of HELLO; what follows is for later versions and is skipped.
 *
 *   0: 2  least version   2: 2  most   4: 4  window   8: 4  channels   12: 4  capabilities, none yet
 */
export function writeHello(writer: FrameWriter, windowBytes: number, maxChannels: number): void {
  writer.frame(Frame.Hello, 0, 16).u16(MIN_VERSION).u16(MAX_VERSION).u32(windowBytes).u32(maxChannels).u32(0);
}

/** @throws PeerError if there is no common version, or the window is out of bounds. */
export function readHello(payload: Uint8Array): Hello {
  const versions = readU32(payload, 0);
  const minVersion = versions >>> 16;
  const maxVersion = versions & 0xffff;
  const windowBytes = readU32(payload, 4);
  if (minVersion > MAX_VERSION || maxVersion < MIN_VERSION)
    throw new PeerError(
      `speak wire version ${minVersion} to ${maxVersion}`,
      `${MIN_VERSION} to ${MAX_VERSION} here`,
      GoAway.Version,
    );
  if (windowBytes < INITIAL_WINDOW_BYTES || windowBytes > MAX_WINDOW_BYTES)
    throw new PeerError("use window", `${windowBytes} bytes`, GoAway.FlowControl);
  return { minVersion, maxVersion, windowBytes, maxChannels: readU32(payload, 8) };
}
