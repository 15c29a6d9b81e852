import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDestination, isName, parseDestination } from "../../../../client/doctor/destination.ts";

test("parseDestination() takes names and addresses of both families, with and without a port", () => {
  for (const [text, host, port, isPortGiven] of [
    ["db.internal:5432", "db.internal", 5432, true],
    ["db_1", "db_1", 443, false],
    ["10.1.2.3:65535", "10.1.2.3", 65_535, true],
    ["2001:db8::1", "2001:db8::1", 443, false],
    ["[2001:db8::1]", "2001:db8::1", 443, false],
    ["[2001:db8::1]:1", "2001:db8::1", 1, true],
  ] as const) {
    assert.deepEqual(parseDestination(text), { host, port, isPortGiven }, text);
  }
});

test("parseDestination() refuses what is none, and names it", () => {
  for (const text of ["", ":80", "a b", "a\u001bb:1", "[10.0.0.1]:1", "[::1", "ünï.example", "user@host"]) {
    assert.throws(() => parseDestination(text), { code: "usage", message: /neither an address/ }, text);
  }
  for (const text of ["a:0", "a:65536", "a:", "a:1:2", "[::1]:x"]) {
    assert.throws(() => parseDestination(text), { code: "usage", message: /port is/ }, text);
  }
});

test("formatDestination() gives brackets to IPv6 alone; isName() knows addresses", () => {
  assert.equal(formatDestination(parseDestination("[::1]:22")), "[::1]:22");
  assert.equal(formatDestination(parseDestination("host:22")), "host:22");
  assert.deepEqual(
    ["::1", "10.0.0.1", "host"].map((text) => isName(parseDestination(text))),
    [false, false, true],
  );
});
