import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeAcknowledgement,
  decodeAttributes,
  decodeMessages,
  decodeText,
  encodeAttributes,
  encodeMessages,
  encodeText,
  HOST_LITTLE_ENDIAN,
  NLMSG_ERROR,
} from "../../../../client/firewall/netlink.ts";

const bytes = fc.uint8Array({ maxLength: 40 });
const message = fc.record(
  {
    type: fc.nat(0xffff),
    flags: fc.nat(0xffff),
    sequence: fc.nat(0xffff_ffff),
    payload: bytes,
  },
  { noNullPrototype: true },
);

test("decodeMessages() gives back what encodeMessages() was given", () => {
  fc.assert(
    fc.property(fc.array(message), (messages) => {
      const encoded = encodeMessages(messages);
      assert.equal(encoded.length % 4, 0);
      assert.deepEqual(decodeMessages(encoded), messages);
    }),
  );
});

test("decodeMessages() gives the whole messages of a datagram that is cut", () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1 }), fc.nat(200), (messages, cut) => {
      const decoded = decodeMessages(encodeMessages(messages).subarray(0, cut));
      assert.deepEqual(decoded, messages.slice(0, decoded.length));
    }),
  );
});

test("decodeAttributes() gives back values by type, and nested ones when asked again", () => {
  const inner = [{ type: 2, value: encodeText("output") }];
  const encoded = encodeAttributes([
    { type: 1, value: Uint8Array.of(9) },
    { type: 4, value: inner },
  ]);
  const outer = decodeAttributes(encoded);
  assert.deepEqual(outer.get(1), Uint8Array.of(9));
  assert.equal(
    decodeText(decodeAttributes(outer.get(4) ?? new Uint8Array(0)).get(2) ?? encodeText("")),
    "output",
  );
});

test("decodeAttributes() never reads past its bytes", () => {
  fc.assert(fc.property(bytes, (noise) => decodeAttributes(noise).size <= noise.length / 4));
});

test("decodeAcknowledgement() reads errno and the kernel's words behind the request's header", () => {
  const payload = new Uint8Array([
    ...new Uint8Array(4),
    ...new Uint8Array(16),
    ...encodeAttributes([{ type: 1, value: encodeText("no such thing") }]),
  ]);
  const view = new DataView(payload.buffer);
  view.setInt32(0, -2, HOST_LITTLE_ENDIAN);
  view.setUint32(4, 1000, HOST_LITTLE_ENDIAN);
  const cappedWithAttributes = 0x300;
  assert.deepEqual(
    decodeAcknowledgement({ type: NLMSG_ERROR, flags: cappedWithAttributes, sequence: 7, payload }),
    { sequence: 7, result: -2, text: "no such thing" },
  );
});

test("decodeAcknowledgement() knows success from other messages", () => {
  const payload = new Uint8Array(20);
  assert.equal(decodeAcknowledgement({ type: NLMSG_ERROR, flags: 0, sequence: 1, payload })?.result, 0);
  assert.equal(decodeAcknowledgement({ type: 0xa00, flags: 0, sequence: 1, payload }), undefined);
});
