import assert from "node:assert/strict";
import { test } from "node:test";
import { Channel, QUEUE_BYTES } from "../../../../agent-src/wire/channel.ts";
import { GoAway, PeerError } from "../../../../agent-src/wire/codes.ts";
import { MAX_WINDOW_BYTES } from "../../../../agent-src/wire/window.ts";

const isFlowControl = (error: unknown): boolean =>
  error instanceof PeerError && error.code === GoAway.FlowControl;

const host = { dataReady: () => {}, controlReady: () => {}, settle: () => {}, heldBytes: 0, queuedBytes: 0 };

const channelWith = (sendCredit: number): Channel =>
  new Channel(1, { kind: "maps" }, host, 100_000, sendCredit);

test("grant() lifts the credit to 2^31 - 1 and no further, and refuses to add nothing", () => {
  const channel = channelWith(MAX_WINDOW_BYTES - 5);
  assert.throws(() => channel.grant(6), isFlowControl);
  assert.throws(() => channel.grant(0), isFlowControl);
  channel.grant(5);
  assert.equal(channel.sendCredit, MAX_WINDOW_BYTES);
});

test("write() takes any bytes, and says false of them once all channels together have 64 MiB", () => {
  const channel = channelWith(0);
  channel.accept();
  assert.equal(channel.write(new Uint8Array(1)), true);
  host.queuedBytes = QUEUE_BYTES - 2;
  assert.equal(channel.write(new Uint8Array(1)), true);
  assert.equal(channel.write(new Uint8Array(1)), false);
  assert.equal(host.queuedBytes, QUEUE_BYTES);
  channel.reset();
  host.queuedBytes = 0;
});

test("what is taken after a reset counts no second time", () => {
  const channel = channelWith(0);
  channel.window.receive(1000);
  host.heldBytes += 1000;
  channel.consume(300);
  assert.equal(host.heldBytes, 700);
  channel.reset();
  assert.equal(host.heldBytes, 0);
  channel.consume(700);
  assert.deepEqual([host.heldBytes, channel.window.heldBytes], [0, 0]);
});
