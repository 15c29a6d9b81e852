import assert from "node:assert/strict";
import { test } from "node:test";
import { DeliveryRate } from "../../../../agent-src/wire/delivery-rate.ts";

/** Of the peer's clock; that acknowledgements take time as well is in it. */
const AHEAD = 7000;

test("a sample is the bytes delivered since a batch was sent, over the time that took", () => {
  const delivery = new DeliveryRate();
  delivery.sent(1000, 0);
  assert.deepEqual(delivery.acknowledged(1000, 50, AHEAD + 50), {
    rate: 20,
    rttMs: 50,
    forwardMs: AHEAD + 50,
    isAppLimited: false,
    priorBytes: 0,
  });
  delivery.sent(3000, 50);
  delivery.sent(3000, 60);
  assert.equal(delivery.acknowledged(4000, 100, AHEAD + 100)?.rate, 60);
  const sample = delivery.acknowledged(7000, 110, AHEAD + 110);
  assert.deepEqual([sample?.rttMs, sample?.priorBytes], [50, 1000]);
});

test("acknowledgements in a bunch look no faster than the bytes were sent", () => {
  const delivery = new DeliveryRate();
  for (let ms = 0; ms < 100; ms += 10) delivery.sent(1000, ms);
  assert.equal(delivery.acknowledged(1000, 200, AHEAD + 200)?.rate, 5);
  // 9,000 bytes in a moment; they were sent over 90 ms, and nothing was heard for 200 ms before.
  const sample = delivery.acknowledged(10_000, 200, AHEAD + 200);
  assert.ok(sample !== undefined && sample.rate <= 10_000 / 90, `${sample?.rate}`);
});

test("acknowledgements that wait for one another on their way back look no faster: the peer's clock tells", () => {
  const delivery = new DeliveryRate();
  // 100 bytes a ms are sent, and received as they come; the path takes 20 ms each way.
  for (let ms = 0; ms <= 50; ms += 10) delivery.sent(1000, ms);
  delivery.acknowledged(1000, 50, AHEAD + 20);
  for (let ms = 60; ms <= 120; ms += 10) delivery.sent(1000, ms);
  // Then something is in the way, and what was received 10 ms apart is heard of at once.
  delivery.acknowledged(7000, 130, AHEAD + 80);
  for (let i = 8; i <= 10; i++)
    assert.equal(delivery.acknowledged(i * 1000, 131, AHEAD + 10 + 10 * i)?.rate, 100);
});

test("a part of a batch is delivered without a sample; what was said already is no news", () => {
  const delivery = new DeliveryRate();
  delivery.sent(1000, 0);
  assert.equal(delivery.acknowledged(999, 10, AHEAD + 10), undefined);
  assert.equal(delivery.flightBytes, 1);
  assert.equal(delivery.acknowledged(999, 20, AHEAD + 20), undefined);
  assert.equal(delivery.acknowledged(1000, 30, AHEAD + 30)?.rttMs, 30);
});

test("a burst at one moment is measured by its first part, not as one long round trip", () => {
  const delivery = new DeliveryRate();
  for (let i = 0; i < 20; i++) delivery.sent(1000, 0);
  assert.equal(delivery.acknowledged(2000, 10, AHEAD + 10)?.rttMs, 10);
  assert.equal(delivery.acknowledged(20_000, 100, AHEAD + 100)?.rttMs, 100);
});

test("what was sent while there was nothing more to send is marked, and what comes after it is delivered is not", () => {
  const delivery = new DeliveryRate();
  delivery.sent(1000, 0);
  delivery.ranDry();
  delivery.sent(1000, 5);
  assert.equal(delivery.acknowledged(1000, 50, AHEAD + 50)?.isAppLimited, false);
  delivery.sent(1000, 51);
  assert.equal(delivery.acknowledged(2000, 55, AHEAD + 55)?.isAppLimited, true);
  delivery.sent(1000, 60);
  delivery.acknowledged(3000, 101, AHEAD + 101);
  assert.equal(delivery.acknowledged(4000, 110, AHEAD + 110)?.isAppLimited, false);
});

test("from an idle link the clock starts anew: the pause is no part of a sample", () => {
  const delivery = new DeliveryRate();
  delivery.sent(1000, 0);
  delivery.acknowledged(1000, 50, AHEAD + 50);
  delivery.sent(1000, 10_000);
  assert.equal(delivery.acknowledged(2000, 10_050, AHEAD + 10_050)?.rate, 20);
});

test("a flight may be under way when the counting begins", () => {
  const delivery = new DeliveryRate(5000, 2000);
  assert.equal(delivery.flightBytes, 3000);
  delivery.sent(1000, 10);
  assert.equal(delivery.acknowledged(5000, 20, AHEAD + 20), undefined);
  assert.equal(delivery.acknowledged(6000, 60, AHEAD + 60)?.rttMs, 50);
});

test("a long flight of small frames takes bounded memory", () => {
  const delivery = new DeliveryRate();
  for (let ms = 0; ms < 100_000; ms++) delivery.sent(10, ms);
  assert.equal(delivery.acknowledged(1_000_000, 100_000, AHEAD + 100_000)?.isAppLimited, false);
  assert.equal(delivery.flightBytes, 0);
});
