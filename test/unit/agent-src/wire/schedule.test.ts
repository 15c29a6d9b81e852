import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fifo } from "../../../../agent-src/wire/fifo.ts";
import { QUANTUM_BYTES, Schedule } from "../../../../agent-src/wire/schedule.ts";
import type { Flow } from "../../../../agent-src/wire/schedule.ts";

interface NamedFlow extends Flow {
  readonly name: string;
  queuedBytes: number;
}

const flow = (name: string, queuedBytes: number): NamedFlow => ({
  name,
  queuedBytes,
  deficit: 0,
  isListed: false,
});

/** Sends until nothing is ready, or so many frames; who sent how much, in order. */
function send(
  schedule: Schedule<NamedFlow>,
  frames: number,
  frameBytes: number = QUANTUM_BYTES,
): [string, number][] {
  const sent: [string, number][] = [];
  for (let next = schedule.next(); next && sent.length < frames; next = schedule.next()) {
    const bytes = Math.min(next.queuedBytes, frameBytes);
    next.queuedBytes -= bytes;
    schedule.sent(next, bytes, next.queuedBytes > 0);
    if (bytes > 0) sent.push([next.name, bytes]);
  }
  return sent;
}

test("a fresh flow goes before old ones, for one quantum", () => {
  const schedule = new Schedule<NamedFlow>();
  schedule.ready(flow("bulk", 10 * QUANTUM_BYTES));
  send(schedule, 2);
  schedule.ready(flow("fresh", 3 * QUANTUM_BYTES));
  assert.deepEqual(
    send(schedule, 6).map(([name]) => name),
    ["fresh", "bulk", "fresh", "bulk", "fresh", "bulk"],
  );
});

test("a sparse flow that comes again and again cannot starve the bulk", () => {
  const schedule = new Schedule<NamedFlow>();
  schedule.ready(flow("bulk", 100 * QUANTUM_BYTES));
  const sparse = flow("sparse", 0);
  let bulkFrames = 0;
  for (let i = 0; i < 100; i++) {
    sparse.queuedBytes = QUANTUM_BYTES;
    schedule.ready(sparse);
    if (send(schedule, 1)[0]?.[0] === "bulk") bulkFrames++;
  }
  assert.ok(bulkFrames >= 45, String(bulkFrames));
});

test("a flow that was alone shares alike once another comes", () => {
  const schedule = new Schedule<NamedFlow>();
  const first = flow("first", 100 * QUANTUM_BYTES);
  schedule.ready(first);
  assert.ok(schedule.isUncontended);
  send(schedule, 1, 4 * QUANTUM_BYTES);
  schedule.ready(flow("second", 100 * QUANTUM_BYTES));
  assert.ok(!schedule.isUncontended);
  const sent = send(schedule, 40);
  const bytes = (name: string): number => sent.filter(([who]) => who === name).length;
  assert.ok(Math.abs(bytes("second") - bytes("first")) <= 4);
});

test("flows that are not ready are never looked at", () => {
  const schedule = new Schedule<NamedFlow>();
  const empty = flow("empty", 0);
  schedule.ready(empty);
  schedule.ready(empty);
  assert.deepEqual(send(schedule, 10), []);
  assert.equal(empty.isListed, false);
  assert.equal(schedule.next(), undefined);
});

test("bulk flows of any frame size get the same share, to one quantum and one frame", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 9 }),
      fc.integer({ min: 1000, max: 65_536 }),
      (count, frameBytes) => {
        const schedule = new Schedule<NamedFlow>();
        const flows = Array.from({ length: count }, (_, i) => flow(String(i), 1e9));
        for (const one of flows) schedule.ready(one);
        send(schedule, 500, frameBytes);
        const sent = flows.map((one) => 1e9 - one.queuedBytes);
        assert.ok(Math.max(...sent) - Math.min(...sent) <= frameBytes + 2 * QUANTUM_BYTES);
      },
    ),
  );
});

test("Fifo keeps its order while it is emptied and filled", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 1000 }), (pushes) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      for (const [i, isPush] of pushes.entries()) {
        if (isPush) model.push(i);
        if (isPush) fifo.push(i);
        else assert.equal(fifo.shift(), model.shift());
        assert.equal(fifo.length, model.length);
        assert.equal(fifo.peek(), model[0]);
      }
    }),
  );
});
