import assert from "node:assert/strict";
import { test } from "node:test";
import { LinkQueue, seededRandom } from "../../../lab/link-queue.ts";
import type { LinkParameters } from "../../../lab/link-queue.ts";

const LINK: LinkParameters = { bytesPerMs: 100, delayMs: 20, queueBytes: 300, loss: 0 };
interface Packet {
  readonly length: number;
  readonly name: string;
}

const packet = (length: number, name = ""): Packet => ({ length, name });

test("a packet takes its time on the link and then the delay", () => {
  const queue = new LinkQueue<Packet>(LINK);
  queue.push(packet(200), 5);
  assert.equal(queue.nextMs, 5 + 2 + 20);
  assert.equal(queue.pop(26.9), undefined);
  assert.equal(queue.pop(27)?.length, 200);
  assert.equal(queue.nextMs, Infinity);
});

test("what comes to a full queue is dropped; what is on the link already is not in the queue", () => {
  const queue = new LinkQueue<Packet>(LINK);
  assert.ok(queue.push(packet(100), 0));
  for (let taken = 0; taken < 3; taken += 1) assert.ok(queue.push(packet(100), 0));
  assert.ok(!queue.push(packet(100), 0));
  assert.ok(queue.push(packet(100), 1));
  assert.ok(!queue.push(packet(100), 1));
});

test("a rate holds whatever the packets are, over thousands of them", () => {
  const queue = new LinkQueue<Packet>({ ...LINK, queueBytes: Infinity });
  for (let count = 0; count < 5000; count += 1) queue.push(packet(count % 2 === 0 ? 50 : 150), 0);
  let [bytes, lastMs] = [0, 0];
  while (queue.nextMs < Infinity) {
    lastMs = queue.nextMs;
    bytes += queue.pop(lastMs)?.length ?? 0;
  }
  assert.equal(bytes, 500_000);
  assert.ok(Math.abs(lastMs - (5000 + 20)) < 1e-6);
});

test("a delay that becomes shorter lets no packet overtake", () => {
  const queue = new LinkQueue<Packet>(LINK);
  queue.push(packet(100, "first"), 0);
  queue.set({ ...LINK, delayMs: 1 });
  queue.push(packet(100, "second"), 0);
  assert.equal(queue.pop(100)?.name, "first");
  assert.equal(queue.pop(100)?.name, "second");
});

test("with one seed the same packets are lost, as many as were asked for", () => {
  const lostOf = (seed: number): number[] => {
    const queue = new LinkQueue<Packet>({ ...LINK, queueBytes: Infinity, loss: 0.01 }, seededRandom(seed));
    const lost: number[] = [];
    for (let count = 0; count < 10_000; count += 1) {
      queue.push(packet(100), count);
      if (queue.pop(Infinity) === undefined) lost.push(count);
    }
    return lost;
  };
  assert.deepEqual(lostOf(1), lostOf(1));
  assert.notDeepEqual(lostOf(1), lostOf(2));
  // Five standard deviations.
  for (const seed of [1, 2, 3]) assert.ok(Math.abs(lostOf(seed).length - 100) < 50, String(seed));
});
