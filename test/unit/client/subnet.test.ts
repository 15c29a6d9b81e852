import assert from "node:assert/strict";
import { isIPv4, isIPv6 } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { UsageError } from "../../../client/errors.ts";
import {
  addressBytes,
  formatAddress,
  formatSubnet,
  parseSubnet,
  subnetOfAddress,
} from "../../../client/subnet.ts";

const VALID: readonly [text: string, formatted: string][] = [
  ["10.0.0.0/8", "10.0.0.0/8"],
  ["10.1.2.3/8", "10.0.0.0/8"],
  ["10/8", "10.0.0.0/8"],
  ["192.168/16", "192.168.0.0/16"],
  ["0/0", "0.0.0.0/0"],
  ["1.2.3.4", "1.2.3.4/32"],
  ["10.0.0.0/8:80", "10.0.0.0/8:80"],
  ["10.0.0.0/8:80-443", "10.0.0.0/8:80-443"],
  ["1.2.3.4:22", "1.2.3.4/32:22"],
  ["::/0", "::/0"],
  ["2001:DB8:0::1/32", "2001:db8::/32"],
  ["2001:db8::1", "2001:db8::1/128"],
  ["[2001:db8::1]:22", "[2001:db8::1/128]:22"],
  ["[2001:db8::/32]:80-443", "[2001:db8::/32]:80-443"],
  ["[2001:db8::]/32:80", "[2001:db8::/32]:80"],
  ["::ffff:1.2.3.4", "::ffff:102:304/128"],
];

const INVALID: readonly [text: string, reason: RegExp][] = [
  ["10.0.0.0/33", /prefix is 33, at most 32/],
  ["::/129", /prefix is 129, at most 128/],
  ["10.0.0.0/8:99999", /port is 99999, allowed are 1 to 65535/],
  ["10.0.0.0/8:0", /port is 0/],
  ["10.0.0.0/8:90-80", /run backwards/],
  ["10.0.0.0/8:80,443", /ports are "80,443"/],
  ["10.0.0.0/x", /prefix is "x"/],
  ["10.0", /needs a prefix/],
  ["10.0.0.256", /not an IPv4 address/],
  ["010.0.0.1/8", /not an IPv4 address/],
  ["3098282570/8", /not an IPv4 address/],
  ["fe80::1%eth0", /scope/],
  ["[1.2.3.4]:80", /no IPv6 address/],
  ["[::/0]/0", /two prefixes/],
  ["", /neither an address nor a host name/],
  ["-x", /neither an address nor a host name/],
  ["*.example.com", /neither an address nor a host name/],
  ["a b", /neither an address nor a host name/],
];

test("parseSubnet() reads every spelling of the manual and clears host bits", () => {
  for (const [text, formatted] of VALID) {
    const subnet = parseSubnet(text);
    assert.ok("family" in subnet, text);
    assert.equal(formatSubnet(subnet), formatted, text);
  }
});

test("parseSubnet() refuses what is wrong and says which part", () => {
  for (const [text, reason] of INVALID) {
    assert.throws(
      () => parseSubnet(text),
      (error) => error instanceof UsageError && error.exitCode === 64 && reason.test(error.message),
      text,
    );
  }
});

test("parseSubnet() leaves a host name to be resolved, with its prefix and ports", () => {
  assert.deepEqual(parseSubnet("db.internal"), { host: "db.internal" });
  assert.deepEqual(parseSubnet("db.internal/24:80-90"), {
    host: "db.internal",
    prefix: 24,
    ports: { first: 80, last: 90 },
  });
});

test("subnetOfAddress() refuses a prefix that the address's family has not", () => {
  assert.throws(() => subnetOfAddress(4, "1.2.3.4", { host: "h", prefix: 64 }), /prefix is 64, at most 32/);
  assert.equal(formatSubnet(subnetOfAddress(6, "2001:db8::7", { host: "h", prefix: 64 })), "2001:db8::/64");
});

test("formatSubnet() gives text that parseSubnet() reads back to the same subnet", () => {
  const subnets = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
    fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
  );
  fc.assert(
    fc.property(subnets, ([address, prefix]) => {
      const subnet = parseSubnet(`${address}/${prefix}`);
      assert.ok("family" in subnet);
      assert.deepEqual(parseSubnet(formatSubnet(subnet)), subnet);
    }),
  );
});

test("formatAddress() inverts addressBytes()", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const text = formatAddress(6, bytes);
      assert.ok(isIPv6(text));
      assert.deepEqual(addressBytes(6, text), Uint8Array.from(bytes));
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
      const text = formatAddress(4, bytes);
      assert.ok(isIPv4(text));
      assert.deepEqual(addressBytes(4, text), Uint8Array.from(bytes));
    }),
  );
});

test("parseSubnet() of any text gives a value or a UsageError", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."0123456789abcdef:./[]-%x".split("")), maxLength: 30 }),
      (text) => {
        try {
          parseSubnet(text);
        } catch (error) {
          assert.ok(error instanceof UsageError, `${text}: ${String(error)}`);
        }
      },
    ),
  );
});
