import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FirewallError } from "../../../../client/firewall/errors.ts";
import { encodeReply, errorReply, ReplyReader } from "../../../../client/firewall/reply.ts";
import type { Reply } from "../../../../client/firewall/reply.ts";

const transmit = (reply: Reply): Reply[] =>
  new ReplyReader().receive(new TextEncoder().encode(encodeReply(reply)));

test("ReplyReader gives back every reply without a text", () => {
  const replies: readonly Reply[] = [
    { kind: "hello", version: 1, nonce: "0123abcd" },
    { kind: "ready", method: "nft", families: [4, 6], reason: "method nft, as asked for" },
    { kind: "ready", method: "nat", families: [4], reason: 'because "x" failed' },
    { kind: "started" },
    { kind: "updated" },
    { kind: "cleaned" },
    { kind: "stopped" },
  ];
  for (const reply of replies) assert.deepEqual(transmit(reply), [reply]);
});

test("ReplyReader gives back any text of up to 256 characters, on one line of ASCII", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 128 }), (text) => {
      assert.deepEqual(transmit({ kind: "warning", text }), [{ kind: "warning", text }]);
    }),
  );
});

test("an error crosses the channel with its code, message and hint", () => {
  const error = new FirewallError("firewall-refused", 'no "room"\nfor it', { hint: "make some" });
  const [reply] = transmit({ kind: "error", error });
  assert.equal(reply?.kind, "error");
  assert.equal(reply.error.code, "firewall-refused");
  assert.equal(reply.error.exitCode, 71);
  assert.equal(reply.error.message, error.message);
  assert.equal(reply.error.hint, "make some");
});

test("the longest error fits on a line", () => {
  const endless = "\u0001".repeat(10_000);
  const error = new FirewallError("firewall-refused", endless, { hint: endless });
  assert.equal(transmit({ kind: "error", error }).length, 1);
});

test("errorReply() gives errors of other kinds a code of ours", () => {
  const reply = errorReply(new TypeError("x is not a function"));
  assert.equal(reply.kind, "error");
  assert.equal(reply.error.code, "firewall-helper-failed");
});

test("ReplyReader refuses what no helper writes", () => {
  for (const line of ["", "hallo", "ready pf 4", 'error no-such-code "x"', "READY nft 4"]) {
    assert.throws(() => new ReplyReader().receive(new TextEncoder().encode(`${line}\n`)), FirewallError);
  }
});
