import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FirewallError } from "../../../../client/firewall/errors.ts";
import { MAX_LINE_BYTES } from "../../../../client/firewall/lines.ts";
import { SOURCES } from "../../../../client/firewall/plan.ts";
import type { Endpoint, Plan } from "../../../../client/firewall/plan.ts";
import {
  encodeCleanup,
  encodeProbe,
  encodeStart,
  encodeUpdate,
  MAX_OWN_CONNECTIONS,
  MAX_SUBNETS,
  RequestReader,
} from "../../../../client/firewall/request.ts";
import type { Request } from "../../../../client/firewall/request.ts";
import { formatAddress } from "../../../../client/subnet.ts";
import type { Subnet } from "../../../../client/subnet.ts";

const family = fc.constantFrom(4 as const, 6 as const);
const port = fc.integer({ min: 1, max: 65_535 });
const endpoint = family.chain((of): fc.Arbitrary<Endpoint> =>
  fc.record({ family: fc.constant(of), address: addressOf(of), port }, { noNullPrototype: true }),
);
const subnet = family.chain((of): fc.Arbitrary<Subnet> =>
  fc
    .tuple(addressOf(of), fc.nat(of === 4 ? 32 : 128), fc.option(fc.tuple(port, port)))
    .map(([address, prefix, range]) =>
      range === null
        ? { family: of, address, prefix }
        : { family: of, address, prefix, ports: { first: Math.min(...range), last: Math.max(...range) } },
    ),
);
const plan: fc.Arbitrary<Plan> = fc.record(
  {
    listeners: fc.uniqueArray(endpoint, { selector: (listener) => listener.family }),
    includes: fc.array(subnet),
    excludes: fc.array(subnet),
    ownConnections: fc.array(endpoint),
    sources: fc.constantFrom(...SOURCES),
  },
  { noNullPrototype: true },
);

function addressOf(of: 4 | 6): fc.Arbitrary<string> {
  const length = of === 4 ? 4 : 16;
  return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => formatAddress(of, bytes));
}

/** Words of the grammar, and some that are not. */
const WORDS =
  "probe auto nft listen from both include exclude own start update cleanup 4 6 10.0.0.0 ::1 0 32 80 65536 -1 1e3 $(reboot) ; \0 é"
    .split(" ")
    .concat("");

/** The requests of a text that arrives in pieces of the given size. */
function read(text: string, pieceBytes = text.length): Request[] {
  const reader = new RequestReader();
  const bytes = new TextEncoder().encode(text);
  const requests: Request[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    requests.push(...reader.receive(bytes.subarray(at, at + pieceBytes)));
  }
  return requests;
}

const rejects = (text: string, reason: RegExp): void =>
  assert.throws(
    () => read(text),
    (error) =>
      error instanceof FirewallError && error.code === "firewall-request" && reason.test(error.message),
    text,
  );

test("RequestReader gives back every plan and update, wherever the stream is cut", () => {
  fc.assert(
    fc.property(plan, fc.array(endpoint), fc.integer({ min: 1, max: 50 }), (value, own, pieceBytes) => {
      const text = encodeProbe("auto") + encodeStart(value) + encodeUpdate(own);
      assert.deepEqual(read(text, pieceBytes), [
        { kind: "probe", method: "auto" },
        { kind: "start", plan: value },
        { kind: "update", ownConnections: own },
      ]);
    }),
  );
});

test("RequestReader answers noise with nothing but FirewallError", () => {
  const words = fc.constantFrom(...WORDS);
  const line = fc.array(words, { maxLength: 7 }).map((parts) => parts.join(" "));
  const lines = fc.array(line).map((parts) => new TextEncoder().encode(`probe nft\n${parts.join("\n")}\n`));
  fc.assert(
    fc.property(fc.oneof(lines, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      try {
        new RequestReader().receive(bytes);
      } catch (error) {
        assert.ok(error instanceof FirewallError, String(error));
        assert.equal(error.code, "firewall-request");
      }
    }),
    { numRuns: 2000 },
  );
});

test("RequestReader refuses verbs out of turn", () => {
  rejects("start\n", /expected probe or cleanup/);
  rejects("probe nft\nprobe nft\n", /expected listen/);
  rejects("probe nft\nupdate\n", /expected listen/);
  rejects("probe nft\nstart\nstart\n", /expected own or update/);
  rejects("probe nft\nstart\ninclude 4 10.0.0.0 8\n", /expected own or update/);
  rejects(`${encodeCleanup()}cleanup\n`, /expected nothing/);
});

test("RequestReader refuses words that are not in the grammar, naming them", () => {
  const cases: readonly [line: string, reason: RegExp][] = [
    ["listen 4 127.0.0.1", /a word is missing/],
    ["listen 4 127.0.0.1 0", /port is "0"/],
    ["listen 4 127.0.0.1 65536", /port is "65536"/],
    ["listen 5 127.0.0.1 1", /family is "5"/],
    ["listen 4 ::1 1", /"::1" is no IPv4 address/],
    ["listen 6 fe80::1%eth0 1", /is no IPv6 address/],
    ["listen 4 127.0.0.1 1 1", /"1" is too much/],
    ["include 4 10.0.0.0 33", /prefix is "33", allowed are 0 to 32/],
    ["include 6 :: 129", /prefix is "129"/],
    ["include 4 10.0.0.0 08", /prefix is "08"/],
    ["include 4 10.0.0.0 8 80", /a word is missing/],
    ["include 4 10.0.0.0 8 90 80", /last port is "80", allowed are 90 to 65535/],
    ["include 4 010.0.0.1 8", /is no IPv4 address/],
    ["include 4  10.0.0.0 8", /is no IPv4 address/],
    ["include 4 10.0.0.0;reboot 8", /is no IPv4 address/],
    ["from both 1", /too much/],
    ["from nowhere", /no source/],
    [" start", /expected listen/],
    ["START", /expected listen/],
    ["start\r", /outside of printable ASCII/],
  ];
  for (const [line, reason] of cases) rejects(`probe nft\n${line}\n`, reason);
  rejects("probe pf\n", /"pf" is no method/);
});

test("RequestReader takes one listener of a family, and refuses a second", () => {
  const listen = "listen 4 127.0.0.1 1\n";
  assert.equal(read(`probe nft\n${listen}listen 6 ::1 1\nstart\n`).length, 2);
  rejects(`probe nft\n${listen}${listen}`, /at most 1/);
});

test("RequestReader takes MAX_SUBNETS subnets and MAX_OWN_CONNECTIONS own connections, and not one more", () => {
  const subnets = "include 4 10.0.0.0 8\n".repeat(MAX_SUBNETS - 1) + "exclude 4 10.0.0.0 8\n";
  const own = "own 4 10.0.0.1 22\n".repeat(MAX_OWN_CONNECTIONS);
  assert.equal(read(`probe nft\n${subnets}${own}start\n`).length, 2);
  rejects(`probe nft\n${subnets}exclude 4 10.0.0.0 8\n`, /at most 16384/);
  rejects(`probe nft\n${own}own 4 10.0.0.1 22\n`, /at most 256/);
});

test("RequestReader keeps no line longer than MAX_LINE_BYTES", () => {
  rejects(`${"x".repeat(MAX_LINE_BYTES)}\n`, /expected probe/);
  rejects(`${"x".repeat(MAX_LINE_BYTES + 1)}\n`, /4097 bytes, at most 4096/);
  rejects("x".repeat(MAX_LINE_BYTES + 1), /at most 4096/);
});
