import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerError } from "../../../../agent-src/wire/codes.ts";
import { ACK_BYTES, ACK_DELAY_MS, Flight, Receipts } from "../../../../agent-src/wire/flight.ts";

test("room is the cap less what is sent and not acknowledged", () => {
  const flight = new Flight(1000);
  flight.sent(400, 0);
  assert.equal(flight.room(0), 600);
  flight.sent(700, 0);
  assert.equal(flight.room(0), -100);
  flight.acknowledged(1100, 5, 0);
  assert.equal(flight.room(0), 1000);
});

test("an acknowledgement of what was never sent, or of less than before, is an error of the peer", () => {
  const flight = new Flight(1000);
  flight.sent(400, 0);
  flight.acknowledged(300, 1, 0);
  assert.throws(() => flight.acknowledged(401, 2, 0), PeerError);
  assert.throws(() => flight.acknowledged(299, 2, 0), PeerError);
  flight.acknowledged(300, 2, 0);
});

test("a control decides the room from when it comes, and hears of every byte", () => {
  const flight = new Flight(1000);
  flight.sent(400, 0);
  const heard: unknown[] = [];
  flight.control = {
    capAt: () => 500,
    resumeMs: 0,
    minRttMs: 32,
    frameBytes: 100,
    sent: (...args) => void heard.push(["sent", ...args]),
    ranDry: () => void heard.push(["dry"]),
    acknowledged: (...args) => void heard.push(["acknowledged", ...args]),
  };
  assert.equal(flight.room(0), 100);
  flight.sent(50, 7);
  flight.sent(0, 8);
  assert.equal(flight.room(0), 50);
  flight.acknowledged(450, 9, 0);
  assert.equal(flight.room(0), 500);
  assert.deepEqual(heard, [
    ["sent", 50, 7],
    ["acknowledged", 450, 9, 0],
  ]);
});

test("an acknowledgement waits little of a round trip, and never long", () => {
  const delayAt = (minRttMs: number): number => {
    const flight = new Flight(1000);
    flight.control = {
      capAt: () => 1,
      resumeMs: 0,
      minRttMs,
      frameBytes: 1,
      sent: () => {},
      ranDry: () => {},
      acknowledged: () => {},
    };
    return flight.ackDelayMs;
  };
  assert.equal(new Flight(1000).ackDelayMs, 1);
  assert.equal(delayAt(0.5), 1 + 0.5 / 16);
  assert.equal(delayAt(32), 3);
  assert.equal(delayAt(800), ACK_DELAY_MS);
  assert.equal(delayAt(Infinity), ACK_DELAY_MS);
});

test("an acknowledgement falls due by time, or at once by bytes", () => {
  const receipts = new Receipts();
  assert.equal(receipts.isPending, false);
  receipts.received(1, 100, 3);
  receipts.received(1, 102, 3);
  assert.equal(receipts.dueMs, 103);
  receipts.handleTimeout(102);
  assert.equal(receipts.isDue, false);
  receipts.handleTimeout(103);
  assert.equal(receipts.isDue, true);
  assert.equal(receipts.dueMs, Infinity);
  assert.equal(receipts.take(), 2);
  assert.equal(receipts.isPending, false);
  receipts.received(ACK_BYTES - 1, 200, 3);
  assert.equal(receipts.isDue, false);
  receipts.received(1, 200, 3);
  assert.equal(receipts.isDue, true);
  assert.equal(receipts.take(), 2 + ACK_BYTES);
});
