import { GoAway, PeerError } from "./codes.ts";
import { Frame, MAX_TEXT_BYTES } from "./frame.ts";
import { encodeText } from "./frame-writer.ts";
import type { FrameWriter } from "./frame-writer.ts";

/** An IP endpoint: 4 or 16 address bytes, network order. */
export interface Endpoint {
  readonly address: Uint8Array;
  readonly port: number;
}

/** What is asked of the opposite end. `unknown` is a kind that a later version may ask for. */
export type Target =
  | { readonly kind: "tcp"; readonly address: Uint8Array; readonly port: number }
  /** Printable ASCII without spaces, 1 to 255 bytes: an international name in its xn-- form. */
  | { readonly kind: "tcp-name"; readonly name: string; readonly port: number }
  /** The loader's source maps: the client writes the payload and ends. */
  | { readonly kind: "maps" }
  | { readonly kind: "unknown"; readonly number: number };

/**
 * Payload of OPEN.
 *
 *   0: 1  kind
 *   kind 1, tcp by address:  1: 2  port   3: 4 or 16  address
 *   kind 2, tcp by name:     1: 2  port   3: 1 to 255  name
 *   kind 3, maps:            nothing more
 */
const Kind = { Tcp: 1, TcpName: 2, Maps: 3 } as const;

const NAME = /^[!-~]{1,255}$/;

export const isName = (text: string): boolean => NAME.test(text);

const isAddress = (bytes: Uint8Array): boolean => bytes.length === 4 || bytes.length === 16;

const readPort = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

export function writeOpen(writer: FrameWriter, channel: number, target: Target): void {
  if (target.kind === "tcp" || target.kind === "tcp-name") {
    const body = target.kind === "tcp" ? target.address : encodeText(target.name, MAX_TEXT_BYTES);
    writer
      .frame(Frame.Open, channel, 3 + body.length)
      .u8(target.kind === "tcp" ? Kind.Tcp : Kind.TcpName)
      .u16(target.port)
      .payload(body);
  } else {
    writer.frame(Frame.Open, channel, 1).u8(target.kind === "maps" ? Kind.Maps : target.number);
  }
}

/** @throws PeerError for a known kind with a body that it cannot have. */
export function readOpen(payload: Uint8Array): Target {
  const kind = payload[0] ?? 0;
  const port = readPort(payload, 1);
  const body = payload.slice(3);
  if (kind === Kind.Tcp && isAddress(body)) return { kind: "tcp", address: body, port };
  if (kind === Kind.TcpName) {
    const name = String.fromCharCode(...body);
    if (isName(name)) return { kind: "tcp-name", name, port };
  }
  if (kind === Kind.Maps && payload.length === 1) return { kind: "maps" };
  if (kind >= Kind.Tcp && kind <= Kind.Maps)
    throw new PeerError(GoAway.Protocol, `Cannot read target of kind ${kind}: ${payload.length} bytes`);
  return { kind: "unknown", number: kind };
}

/** Payload of OPENED: nothing, or  0: 2  port   2: 4 or 16  address. */
export function writeOpened(writer: FrameWriter, channel: number, bound: Endpoint | undefined): void {
  if (bound)
    writer
      .frame(Frame.Opened, channel, 2 + bound.address.length)
      .u16(bound.port)
      .payload(bound.address);
  else writer.frame(Frame.Opened, channel, 0);
}

/** @throws PeerError for any other length. */
export function readOpened(payload: Uint8Array): Endpoint | undefined {
  if (payload.length === 0) return undefined;
  const address = payload.slice(2);
  if (!isAddress(address))
    throw new PeerError(GoAway.Protocol, `Cannot read OPENED: ${payload.length} bytes, 0, 6 or 18 allowed`);
  return { address, port: readPort(payload, 0) };
}
