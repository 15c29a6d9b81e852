import assert from "node:assert/strict";
import { test } from "node:test";
import { GoAway, PeerError } from "../../../../agent-src/wire/codes.ts";
import { addCredit, MAX_WINDOW_BYTES, ReceiveWindow } from "../../../../agent-src/wire/window.ts";

const isFlowControl = (error: unknown): boolean =>
  error instanceof PeerError && error.code === GoAway.FlowControl;

test("receive() takes a window and not a byte more", () => {
  const window = new ReceiveWindow(100);
  window.receive(60);
  window.receive(40);
  assert.equal(window.heldBytes, 100);
  assert.throws(() => window.receive(1), isFlowControl);
});

test("consume() saves up credit until half the window is free", () => {
  const window = new ReceiveWindow(100);
  window.receive(60);
  assert.equal(window.consume(49), 0);
  assert.equal(window.consume(1), 50);
  assert.equal(window.heldBytes, 10);
  window.receive(90);
  assert.throws(() => window.receive(1), isFlowControl);
});

test("addCredit() goes up to 2^31 - 1, and refuses to add nothing", () => {
  assert.equal(addCredit(MAX_WINDOW_BYTES - 5, 5), MAX_WINDOW_BYTES);
  assert.throws(() => addCredit(MAX_WINDOW_BYTES - 5, 6), isFlowControl);
  assert.throws(() => addCredit(10, 0), isFlowControl);
});
