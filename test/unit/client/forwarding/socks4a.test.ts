import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeConnect, isGranted } from "../../../../client/forwarding/socks4a.ts";

test("a request has the port in network order, 0.0.0.1 for the address, no user, and the host as text", () => {
  const name = Buffer.from(encodeConnect("db.example", 8443) ?? []);
  assert.equal(name.toString("hex"), `040120fb0000000100${Buffer.from("db.example").toString("hex")}00`);
  const address = Buffer.from(encodeConnect("2001:db8::1", 1) ?? []);
  assert.equal(address.toString("latin1"), "\x04\x01\0\x01\0\0\0\x01\x002001:db8::1\0");
});

test("what would end the host's text early, or is none, is not asked for", () => {
  for (const host of ["", "a\0b", "a".repeat(1025)]) assert.equal(encodeConnect(host, 80), undefined);
});

test("only 90 is a yes", () => {
  const reply = (version: number, code: number): Uint8Array => Uint8Array.of(version, code, 0, 0, 0, 0, 0, 0);
  assert.equal(isGranted(reply(0, 90)), true);
  for (const code of [0, 89, 91, 92, 93]) assert.equal(isGranted(reply(0, code)), false);
  assert.equal(isGranted(reply(5, 90)), false);
});
