import assert from "node:assert/strict";
import { test } from "node:test";
import { GoAway, PeerError } from "../../../../agent-src/wire/codes.ts";
import { ReceiveWindow } from "../../../../agent-src/wire/window.ts";

const isFlowControl = (error: unknown): boolean =>
  error instanceof PeerError && error.code === GoAway.FlowControl;

test("receive() takes a window and not a byte more", () => {
  const window = new ReceiveWindow(100);
  window.receive(60);
  window.receive(40);
  assert.equal(window.heldBytes, 100);
  assert.throws(() => window.receive(1), isFlowControl);
});

test("credit is saved up until half the window is free", () => {
  const window = new ReceiveWindow(100);
  window.receive(60);
  window.heldBytes -= 49;
  assert.equal(window.due, 0);
  window.heldBytes -= 1;
  assert.equal(window.due, 50);
  window.allowed += 50;
  assert.equal(window.due, 0);
  window.receive(90);
  assert.throws(() => window.receive(1), isFlowControl);
});

test("a window that is made wider gets the difference with what was taken", () => {
  const window = new ReceiveWindow(100);
  window.receive(60);
  window.heldBytes -= 60;
  window.size = 400;
  assert.equal(window.due, 360);
});

test("a window that is made narrower gives less than was taken, until it is", () => {
  const window = new ReceiveWindow(400);
  window.receive(400);
  window.size = 100;
  window.heldBytes -= 340;
  assert.equal(window.due, 0);
  window.heldBytes -= 10;
  assert.equal(window.due, 50);
});
