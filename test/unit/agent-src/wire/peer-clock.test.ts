import assert from "node:assert/strict";
import { test } from "node:test";
import { ACK_CLOCK } from "../../../../agent-src/wire/flight.ts";
import { PeerClock, RecentMin } from "../../../../agent-src/wire/peer-clock.ts";

const HOUR_MS = 3_600_000;

test("the peer's clock counts from its first value, over the end of its 32 bits, and never backwards", () => {
  const clock = new PeerClock();
  clock.heard(0xffff_fff0, 0);
  assert.equal(clock.ms, 0);
  clock.heard(0x10, 2);
  assert.equal(clock.ms, 32 / ACK_CLOCK);
  clock.heard(0x08, 3);
  assert.equal(clock.ms, 32 / ACK_CLOCK);
});

test("after days of silence it has gone on as ours has", () => {
  const clock = new PeerClock();
  clock.heard(1000, 0);
  const daysMs = 100 * HOUR_MS;
  clock.heard((1000 + daysMs * ACK_CLOCK) % 2 ** 32, daysMs);
  assert.equal(clock.ms, daysMs);
});

test("RecentMin forgets what is older than two periods, and nothing of the last one", () => {
  const min = new RecentMin(100);
  assert.equal(min.value, Infinity);
  min.see(5, 0);
  min.see(9, 99);
  assert.equal(min.value, 5);
  min.see(7, 150);
  assert.equal(min.value, 5);
  min.see(8, 260);
  assert.equal(min.value, 7);
});
