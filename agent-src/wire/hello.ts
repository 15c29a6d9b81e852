import { GoAway, PeerError } from "./codes.ts";
import { Frame } from "./frame.ts";
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
  /** A set of bits, none of them given a meaning yet. */
  readonly capabilities: number;
}

/**
 * Payload of HELLO; what follows is for later versions and is skipped.
 *
 *   0: 2  least version   2: 2  most   4: 4  window   8: 4  channels   12: 4  capabilities
 */
export function writeHello(writer: FrameWriter, hello: Hello): void {
  writer
    .frame(Frame.Hello, 0, 16)
    .u16(hello.minVersion)
    .u16(hello.maxVersion)
    .u32(hello.windowBytes)
    .u32(hello.maxChannels)
    .u32(hello.capabilities);
}

/** @throws PeerError if there is no common version, or the window is out of bounds. */
export function readHello(payload: Uint8Array): Hello {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const hello = {
    minVersion: view.getUint16(0),
    maxVersion: view.getUint16(2),
    windowBytes: view.getUint32(4),
    maxChannels: view.getUint32(8),
    capabilities: view.getUint32(12),
  };
  if (hello.minVersion > MAX_VERSION || hello.maxVersion < MIN_VERSION)
    throw new PeerError(
      GoAway.Version,
      `Cannot speak wire version ${hello.minVersion} to ${hello.maxVersion}: ${MIN_VERSION} to ${MAX_VERSION} here`,
    );
  if (hello.windowBytes < INITIAL_WINDOW_BYTES || hello.windowBytes > MAX_WINDOW_BYTES)
    throw new PeerError(
      GoAway.FlowControl,
      `Cannot use window ${hello.windowBytes}: ${INITIAL_WINDOW_BYTES} to ${MAX_WINDOW_BYTES} allowed`,
    );
  return hello;
}
