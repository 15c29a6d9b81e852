import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  MAX_REQUEST_BYTES,
  ProxyRequestReader,
  encodeFailure,
  encodeSuccess,
} from "../../../../client/intake/socks-protocol.ts";
import type { ProxyStep } from "../../../../client/intake/socks-protocol.ts";

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

/** Feeds the pieces, answers every "reply" by going on, and returns the last step. */
function feed(...pieces: Uint8Array[]): ProxyStep {
  const reader = new ProxyRequestReader();
  let step: ProxyStep = { type: "more" };
  for (const piece of pieces) {
    step = reader.push(piece);
    while (step.type === "reply") step = reader.push(new Uint8Array(0));
    if (step.type !== "more") return step;
  }
  return step;
}

function requested(step: ProxyStep): string {
  assert.equal(step.type, "request");
  const { target } = step;
  return `${target.type === "name" ? target.name : target.address} ${target.port}`;
}

function refused(step: ProxyStep): string {
  assert.equal(step.type, "refuse");
  return step.reason;
}

const GREETING = Uint8Array.of(5, 1, 0);
const REQUESTS: readonly [name: string, bytes: Uint8Array, target: string][] = [
  ["SOCKS5 IPv4", Uint8Array.of(5, 1, 0, 5, 1, 0, 1, 10, 1, 2, 3, 0, 80), "10.1.2.3 80"],
  [
    "SOCKS5 IPv6",
    Uint8Array.of(5, 1, 0, 5, 1, 0, 4, 32, 1, 13, 184, ...Array<number>(11).fill(0), 1, 1, 187),
    "2001:db8::1 443",
  ],
  ["SOCKS5 name", Uint8Array.of(5, 2, 2, 0, 5, 1, 0, 3, 4, ...ascii("db.x"), 0, 22), "db.x 22"],
  ["SOCKS5 address as name", Uint8Array.of(5, 1, 0, 5, 1, 0, 3, 7, ...ascii("1.2.3.4"), 0, 22), "1.2.3.4 22"],
  ["SOCKS4", Uint8Array.of(4, 1, 0, 80, 10, 1, 2, 3, ...ascii("me"), 0), "10.1.2.3 80"],
  ["SOCKS4a", Uint8Array.of(4, 1, 0, 80, 0, 0, 0, 1, 0, ...ascii("db.x"), 0), "db.x 80"],
  ["HTTP CONNECT", ascii("CONNECT db.x:443 HTTP/1.1\r\nHost: db.x:443\r\n\r\n"), "db.x 443"],
  ["HTTP CONNECT IPv6", ascii("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n"), "2001:db8::1 443"],
];

test("a request is read in each dialect, and what follows it is kept for the connection", () => {
  for (const [name, bytes, target] of REQUESTS) {
    const step = feed(Uint8Array.of(...bytes, ...ascii("more")));
    assert.equal(requested(step), target, name);
    assert.deepEqual((step as { rest: Uint8Array }).rest, ascii("more"), name);
  }
});

test("a request does not depend on where its bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...REQUESTS),
      fc.array(fc.nat(60), { maxLength: 6 }),
      ([, bytes, target], cuts) => {
        const edges = [
          0,
          ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b),
          bytes.length,
        ];
        const pieces = edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
        assert.equal(requested(feed(...pieces)), target);
      },
    ),
  );
});

test("what is not a CONNECT to a port is refused in the client's own dialect", () => {
  assert.equal(refused(feed(GREETING, Uint8Array.of(5, 2, 0, 1, 1, 2, 3, 4, 0, 80))), "command-unsupported");
  assert.equal(refused(feed(GREETING, Uint8Array.of(5, 1, 0, 9, 1, 2, 3, 4, 0, 80))), "address-unsupported");
  assert.equal(refused(feed(GREETING, Uint8Array.of(5, 1, 0, 1, 1, 2, 3, 4, 0, 0))), "malformed");
  assert.equal(refused(feed(Uint8Array.of(5, 1, 2))), "no-acceptable-method");
  assert.equal(refused(feed(Uint8Array.of(4, 2, 0, 80, 10, 1, 2, 3, 0))), "command-unsupported");
  assert.equal(refused(feed(ascii("GET / HTTP/1.1\r\n\r\n"))), "command-unsupported");
  assert.equal(refused(feed(ascii("CONNECT db.x HTTP/1.1\r\n\r\n"))), "malformed");
  assert.equal(refused(feed(ascii("\x16\x03\x01"))), "malformed");
});

test("a head longer than the limit is refused, one at the limit is not", () => {
  const start = ascii("CONNECT db.x:443 HTTP/1.1\r\nX: ");
  assert.equal(feed(start, new Uint8Array(MAX_REQUEST_BYTES - start.length).fill(97)).type, "more");
  assert.equal(
    refused(feed(start, new Uint8Array(MAX_REQUEST_BYTES - start.length + 1).fill(97))),
    "malformed",
  );
});

test("no bytes of a client make the reader throw", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(4, 5, 67),
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
      (first, rest) => {
        feed(Uint8Array.of(first), ...rest);
      },
    ),
  );
});

test("success and failure have each dialect's number", () => {
  assert.deepEqual(encodeSuccess("socks5").subarray(0, 2), Uint8Array.of(5, 0));
  assert.equal(encodeSuccess("socks4")[1], 90);
  assert.match(Buffer.from(encodeSuccess("http")).toString(), /^HTTP\/1\.1 200 /);
  assert.equal(encodeFailure("socks5", "refused")[1], 5);
  assert.equal(encodeFailure("socks5", "network-unreachable")[1], 3);
  assert.equal(encodeFailure("socks4", "refused")[1], 91);
  assert.match(Buffer.from(encodeFailure("http", "timed-out")).toString(), /^HTTP\/1\.1 504 /);
});
