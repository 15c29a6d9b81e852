import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthenticationOrder } from "../../../../bootstrap/ssh2/authentication-order.ts";
import type { AuthenticationPlan } from "../../../../bootstrap/ssh2/authentication-order.ts";

const METHODS = ["publickey", "keyboard-interactive", "password"] as const;

/** The steps against a server that answers each with the same refusal, or with those of a list. */
function walk(plan: Partial<AuthenticationPlan>, offered: readonly string[], partialAt?: number): string[] {
  const order = new AuthenticationOrder({
    methods: METHODS,
    identityCount: 2,
    prompts: 2,
    canAsk: true,
    ...plan,
  });
  const steps: string[] = [];
  let step = order.next(undefined);
  while (step.kind !== "exhausted") {
    steps.push("index" in step ? `key ${step.index}` : step.kind);
    step = order.next({ methods: offered, partial: steps.length - 1 === partialAt });
  }
  return steps;
}

test("the server is asked for its methods first, and then each is tried until it has nothing left", () => {
  assert.deepEqual(walk({}, METHODS), [
    "none",
    "key 0",
    "key 1",
    "keyboard-interactive",
    "keyboard-interactive",
    "password",
    "password",
  ]);
});

test("the order is the user's, the choice is the server's", () => {
  const methods = ["password", "publickey"] as const;
  assert.deepEqual(walk({ methods }, ["publickey", "hostbased", "password"]), [
    "none",
    "password",
    "password",
    "key 0",
    "key 1",
  ]);
  assert.deepEqual(walk({}, ["gssapi-with-mic"]), ["none"]);
});

test("without anybody to ask, only keys are tried", () => {
  assert.deepEqual(walk({ canAsk: false }, METHODS), ["none", "key 0", "key 1"]);
});

test("after a partial success the other keys are tried again, and not the one that was a part", () => {
  assert.deepEqual(walk({ methods: ["publickey"] }, METHODS, 2), ["none", "key 0", "key 1", "key 0"]);
});

test("a method that was closed is not tried again", () => {
  const order = new AuthenticationOrder({ methods: METHODS, identityCount: 0, prompts: 3, canAsk: true });
  order.next(undefined);
  assert.equal(order.next({ methods: METHODS, partial: false }).kind, "keyboard-interactive");
  order.close("keyboard-interactive");
  assert.equal(order.next({ methods: METHODS, partial: false }).kind, "password");
});
