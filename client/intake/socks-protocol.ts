/**
 * What a proxy client says first, for the three dialects that one port understands: SOCKS5 (RFC 1928, CONNECT
 * without authentication), SOCKS4 and 4a, and HTTP CONNECT (RFC 9110 section 9.3.6). Bytes in, one decision out;
 * no socket here.
 *
 * The first byte tells the dialects apart: 5, 4, or a letter.
 */
import { isIPv4, isIPv6 } from "node:net";
import { formatAddress } from "../subnet.ts";
import type { Family } from "../subnet.ts";

export type ProxyTarget =
  | { readonly type: "address"; readonly family: Family; readonly address: string; readonly port: number }
  | { readonly type: "name"; readonly name: string; readonly port: number };

/** Why no connection came about; each dialect has its own number for it. */
export type ProxyFailure =
  | "general"
  | "forbidden"
  | "network-unreachable"
  | "host-unreachable"
  | "refused"
  | "timed-out"
  | "command-unsupported"
  | "address-unsupported"
  | "malformed"
  | "no-acceptable-method";

export type Dialect = "socks5" | "socks4" | "http";

export type ProxyStep =
  | { readonly type: "more" }
  /** Bytes to send now; the client goes on speaking. */
  | { readonly type: "reply"; readonly bytes: Uint8Array }
  | {
      readonly type: "request";
      readonly dialect: Dialect;
      readonly target: ProxyTarget;
      readonly rest: Uint8Array;
    }
  /** Send `bytes` and close. */
  | { readonly type: "refuse"; readonly bytes: Uint8Array; readonly reason: ProxyFailure };

/** Bytes a client may send before its request is complete. A SOCKS5 request has at most 262; curl's CONNECT has under 1 KiB. */
export const MAX_REQUEST_BYTES = 8192;

// RFC 1928 section 6; the two that mean nothing there are general failures.
const SOCKS5_REPLY: Record<ProxyFailure, number> = {
  general: 1,
  forbidden: 2,
  "network-unreachable": 3,
  "host-unreachable": 4,
  refused: 5,
  "timed-out": 4,
  "command-unsupported": 7,
  "address-unsupported": 8,
  malformed: 1,
  "no-acceptable-method": 1,
};

// RFC 9110 section 15.6: what a gateway says of its upstream.
const HTTP_STATUS: Record<ProxyFailure, string> = {
  general: "502 Bad Gateway",
  forbidden: "403 Forbidden",
  "network-unreachable": "502 Bad Gateway",
  "host-unreachable": "502 Bad Gateway",
  refused: "502 Bad Gateway",
  "timed-out": "504 Gateway Timeout",
  "command-unsupported": "405 Method Not Allowed",
  "address-unsupported": "400 Bad Request",
  malformed: "400 Bad Request",
  "no-acceptable-method": "400 Bad Request",
};

const EMPTY = new Uint8Array(0);

/** Reads one client's greeting and request. Feed it until it answers with something other than "more" or "reply". */
export class ProxyRequestReader {
  private buffered: Uint8Array = EMPTY;
  private greeted = false;

  /** Takes the next bytes of the client; call again with none after a "reply". */
  push(bytes: Uint8Array): ProxyStep {
    this.buffered = this.buffered.length === 0 ? bytes : concatenate(this.buffered, bytes);
    const first = this.buffered[0];
    if (first === undefined) return { type: "more" };
    const step = this.read(first);
    if (step.type === "more" && this.buffered.length > MAX_REQUEST_BYTES) {
      return refusal(dialectOf(first) ?? "http", "malformed");
    }
    return step;
  }

  private read(first: number): ProxyStep {
    switch (dialectOf(first)) {
      case "socks5":
        return this.greeted ? this.readSocks5Request() : this.readSocks5Greeting();
      case "socks4":
        return this.readSocks4Request();
      case "http":
        return this.readHttpConnect();
      case undefined:
        return { type: "refuse", bytes: EMPTY, reason: "malformed" };
    }
  }

  /** Source: RFC 1928 section 3: version, number of methods, methods. */
  private readSocks5Greeting(): ProxyStep {
    const count = this.buffered[1];
    if (count === undefined || this.buffered.length < 2 + count) return { type: "more" };
    const methods = this.buffered.subarray(2, 2 + count);
    if (!methods.includes(0)) {
      return { type: "refuse", bytes: Uint8Array.of(5, 0xff), reason: "no-acceptable-method" };
    }
    this.buffered = this.buffered.subarray(2 + count);
    this.greeted = true;
    return { type: "reply", bytes: Uint8Array.of(5, 0) };
  }

  /** Source: RFC 1928 section 4: version, command, reserved, address type, address, port. */
  private readSocks5Request(): ProxyStep {
    const bytes = this.buffered;
    const [, command, , type, nameLength] = bytes;
    if (type === undefined || nameLength === undefined) return { type: "more" };
    const length = { 1: 4, 3: 1 + nameLength, 4: 16 }[type];
    if (length === undefined) return refusal("socks5", "address-unsupported");
    if (bytes.length < 4 + length + 2) return { type: "more" };
    if (command !== 1) return refusal("socks5", "command-unsupported");
    const address = bytes.subarray(4, 4 + length);
    const port = bigEndian16(bytes, 4 + length);
    const target = type === 3 ? nameTarget(latin1(address.subarray(1)), port) : addressTarget(address, port);
    if (target === undefined) return refusal("socks5", "malformed");
    return { type: "request", dialect: "socks5", target, rest: bytes.subarray(4 + length + 2) };
  }

  /** Source: SOCKS4 and 4a protocol notes: version, command, port, address, user, NUL; for 0.0.0.x a name, NUL. */
  private readSocks4Request(): ProxyStep {
    const bytes = this.buffered;
    const userEnd = bytes.indexOf(0, 8);
    if (bytes.length < 9 || userEnd < 0) return { type: "more" };
    if (bytes[1] !== 1) return refusal("socks4", "command-unsupported");
    const port = bigEndian16(bytes, 2);
    const address = bytes.subarray(4, 8);
    const named = address[0] === 0 && address[1] === 0 && address[2] === 0 && address[3] !== 0;
    if (!named) {
      const target = addressTarget(address, port);
      if (target === undefined) return refusal("socks4", "malformed");
      return { type: "request", dialect: "socks4", target, rest: bytes.subarray(userEnd + 1) };
    }
    const nameEnd = bytes.indexOf(0, userEnd + 1);
    if (nameEnd < 0) return { type: "more" };
    const target = nameTarget(latin1(bytes.subarray(userEnd + 1, nameEnd)), port);
    if (target === undefined) return refusal("socks4", "malformed");
    return { type: "request", dialect: "socks4", target, rest: bytes.subarray(nameEnd + 1) };
  }

  /** Source: RFC 9112 section 3.2.3 (authority-form); the header fields say nothing that matters here. */
  private readHttpConnect(): ProxyStep {
    const end = headEnd(this.buffered);
    if (end < 0) return { type: "more" };
    const requestLine = latin1(this.buffered.subarray(0, end)).split(/\r?\n/, 1)[0] ?? "";
    const [method, authority = "", version = ""] = requestLine.split(" ");
    if (!/^HTTP\/1\.\d$/.test(version)) return refusal("http", "malformed");
    if (method !== "CONNECT") return refusal("http", "command-unsupported");
    const [, v6, host = "", portText = ""] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(authority) ?? [];
    const target = nameTarget(v6 ?? host, Number(portText));
    if (target === undefined) return refusal("http", "malformed");
    return { type: "request", dialect: "http", target, rest: this.buffered.subarray(end) };
  }
}

/** The answer to a request whose connection is open on the far side. */
export function encodeSuccess(dialect: Dialect): Uint8Array {
  switch (dialect) {
    case "socks5":
      // The bound address is the agent's affair; RFC 1928 clients do not use it for CONNECT, ssh -D sends zeros too.
      return Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0);
    case "socks4":
      return Uint8Array.of(0, 90, 0, 0, 0, 0, 0, 0);
    case "http":
      return ascii("HTTP/1.1 200 Connection established\r\n\r\n");
  }
}

/** The answer to a request that came to nothing. */
export function encodeFailure(dialect: Dialect, reason: ProxyFailure): Uint8Array {
  switch (dialect) {
    case "socks5":
      return Uint8Array.of(5, SOCKS5_REPLY[reason], 0, 1, 0, 0, 0, 0, 0, 0);
    case "socks4":
      return Uint8Array.of(0, 91, 0, 0, 0, 0, 0, 0);
    case "http":
      return ascii(`HTTP/1.1 ${HTTP_STATUS[reason]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  }
}

function refusal(dialect: Dialect, reason: ProxyFailure): ProxyStep {
  return { type: "refuse", bytes: encodeFailure(dialect, reason), reason };
}

function dialectOf(first: number): Dialect | undefined {
  if (first === 5) return "socks5";
  if (first === 4) return "socks4";
  return first >= 0x41 && first <= 0x5a ? "http" : undefined;
}

function addressTarget(bytes: Uint8Array, port: number): ProxyTarget | undefined {
  if (port === 0) return undefined;
  const family = bytes.length === 4 ? 4 : 6;
  return { type: "address", family, address: formatAddress(family, bytes), port };
}

/** A client may put an address where a name goes: curl --socks5-hostname does. */
function nameTarget(name: string, port: number): ProxyTarget | undefined {
  if (port < 1 || port > 65_535) return undefined;
  if (isIPv4(name)) return { type: "address", family: 4, address: name, port };
  if (isIPv6(name) && !name.includes("%")) return { type: "address", family: 6, address: name, port };
  return /^[\w.-]{1,255}$/.test(name) ? { type: "name", name, port } : undefined;
}

/** Index after the empty line that ends the head, or -1. */
function headEnd(bytes: Uint8Array): number {
  for (let i = bytes.indexOf(10); i >= 0; i = bytes.indexOf(10, i + 1)) {
    if (bytes[i + 1] === 10) return i + 2;
    if (bytes[i + 1] === 13 && bytes[i + 2] === 10) return i + 3;
  }
  return -1;
}

function bigEndian16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
