import { PeerError } from "./codes.ts";
import { Frame } from "./frame.ts";
import type { FrameWriter } from "./frame-writer.ts";

/** One end of a flow. */
export interface Endpoint {
  /**
   * "10.0.0.1", "fe80::1" or a name (an international one in its xn-- form): 1 to 255 bytes of printable
   * ASCII without spaces.
   */
  readonly host: string;
  readonly port: number;
}

/** What is asked of the opposite end. `unknown` is a kind that a later version may ask for. */
export type Target =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** The loader's source maps: the client writes the payload and ends. */
  | { readonly kind: "maps" }
  /**
   * A module of the agent's own bundle: whoever has it writes its payload and ends. Its filename is 1 to 511 bytes of
   * ASCII: what is left of OPEN's payload.
   */
  | { readonly kind: "module"; readonly filename: string }
  | { readonly kind: "unknown"; readonly number: number };

/**
 * First byte of OPEN. An endpoint follows `Tcp`, a filename `Module`, nothing `Maps`. Other numbers are
 * `unknown` here, and known to who takes them: 4 to stats.ts, those from 32 on to run-control.ts.
 */
const Kind = { Tcp: 1, Maps: 2, Module: 3 } as const;

const HOST = /^[!-~]{1,255}$/;

export const isHost = (text: string): boolean => HOST.test(text);

export function writeOpen(writer: FrameWriter, id: number, target: Target): void {
  if (target.kind === "tcp") {
    const { host, port } = target;
    writer
      .frame(Frame.Open, id, 3 + host.length)
      .u8(Kind.Tcp)
      .u16(port)
      .text(host);
  } else if (target.kind === "module") {
    const { filename } = target;
    writer
      .frame(Frame.Open, id, 1 + filename.length)
      .u8(Kind.Module)
      .text(filename);
  } else writer.frame(Frame.Open, id, 1).u8(target.kind === "maps" ? Kind.Maps : target.number);
}

/** @throws PeerError for an endpoint that none is. */
export function readOpen(payload: Uint8Array): Target {
  const number = payload[0] || 0;
  if (number === Kind.Tcp) {
    const host = String.fromCharCode(...payload.subarray(3));
    if (!isHost(host)) throw new PeerError("read endpoint", `no host in ${payload.length} bytes`);
    return { kind: "tcp", host, port: (payload[1] || 0) * 256 + (payload[2] || 0) };
  }
  if (number === Kind.Module)
    return { kind: "module", filename: String.fromCharCode(...payload.subarray(1)) };
  return number === Kind.Maps ? { kind: "maps" } : { kind: "unknown", number };
}
