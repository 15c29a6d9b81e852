import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Control, Flight } from "../../agent-src/wire/flight.ts";
import { MAX_DATA_BYTES } from "../../agent-src/wire/frame.ts";
import { LinkControl, MIN_CAP_BYTES } from "../../agent-src/wire/link-control.ts";
import { answer, Flow } from "./flow.ts";
import { World } from "./world.ts";

/** Reads that are cut small: enough for the head of every frame of a run, and a bound on its time. */
const CUT_READS = 10_000;

/** Lengths of reads, again and again; after the first ones whole reads. */
function cutter(cuts: readonly number[]): () => number {
  let i = 0;
  return () => (i < CUT_READS ? (cuts[i++ % cuts.length] ?? 1) : 65_536);
}

const pipe = fc.record({
  delayMs: fc.constantFrom(0, 1, 20, 300),
  bytesPerMs: fc.constantFrom(Infinity, 6250, 100),
  capacityBytes: fc.constantFrom(1000, 65_536, Infinity),
  cuts: fc.constantFrom([65_536], [1, 7, 4096], [1], [9, 8, 100_000]),
  stalls: fc.constantFrom([], [[5, 900] as const]),
});

const mux = fc.record({
  windowBytes: fc.constantFrom(65_536, 100_000, 1_048_576),
  flightBytes: fc.constantFrom(4096, 50_000, 2_097_152),
});

/** Link control proper, and one that allows as little in flight as there can be, whatever a frame is to be. */
const controls = {
  none: (): undefined => undefined,
  proper: (flight: Flight): Control => new LinkControl(flight),
  least: (): Control => ({
    capAt: () => MIN_CAP_BYTES,
    resumeMs: 0,
    frameBytes: MAX_DATA_BYTES,
    minRttMs: 0,
    sent: () => {},
    ranDry: () => {},
    acknowledged: () => {},
  }),
};

const flowPlan = fc.record({
  upBytes: fc.constantFrom(0, 1, 511, 70_000, 200_000),
  downBytes: fc.constantFrom(0, 1, 513, 66_000, 150_000),
  writeBytes: fc.constantFrom(100, 16_384, 65_536),
  holdMs: fc.constantFrom(0, 3, 400),
  startMs: fc.nat(50),
});

test("every byte arrives once and in order, whatever the pipe does", () => {
  fc.assert(
    fc.property(
      pipe,
      pipe,
      mux,
      mux,
      fc.array(flowPlan, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(...Object.values(controls)),
      (up, down, client, agent, flows, control) => {
        const world = new World({
          client,
          agent,
          up: { ...up, cut: cutter(up.cuts) },
          down: { ...down, cut: cutter(down.cuts) },
        });
        for (const {
          mux: { flight },
        } of [world.client, world.agent])
          flight.control = control(flight);
        const ends: Flow[] = [];
        const plans = new Map<number, (typeof flows)[number]>();
        world.agent.accept = (channel) => {
          const plan = plans.get(channel.id);
          assert.ok(plan);
          ends.push(answer(world, channel, { ...plan, seed: channel.id, sendBytes: plan.downBytes }));
        };
        for (const plan of flows)
          world.at(plan.startMs, () => {
            const channel = world.client.mux.open({ kind: "tcp", host: "10.0.0.1", port: 80 });
            plans.set(channel.id, plan);
            ends.push(
              new Flow(world, channel, { ...plan, seed: channel.id, sendBytes: plan.upBytes }).start(),
            );
          });
        world.run();
        assert.equal(ends.length, 2 * flows.length);
        for (const end of ends) {
          const plan = plans.get(end.channel.id);
          assert.ok(plan && end.hasEnded && end.resetCode === undefined);
          assert.ok(end.wasOpened || end.receivedBytes === plan.upBytes);
          assert.ok(!end.wasOpened || end.receivedBytes === plan.downBytes);
          assert.ok(end.channel.isClosed);
        }
        assert.equal(world.client.mux.channelCount, 0);
        assert.equal(world.agent.mux.channelCount, 0);
        assert.equal(world.client.end ?? world.agent.end, undefined);
      },
    ),
    { numRuns: 100 },
  );
});

test("hello, open and data leave together: an answer takes one round trip", () => {
  const world = new World({ up: { delayMs: 50 }, down: { delayMs: 50 } });
  world.agent.accept = (channel) => {
    answer(world, channel, { seed: 1, sendBytes: 10, endsLast: true });
  };
  const channel = world.client.mux.open({ kind: "tcp", host: "10.0.0.1", port: 80 });
  const client = new Flow(world, channel, { seed: 1, sendBytes: 60_000 }).start();
  world.run();
  assert.ok(client.hasEnded);
  assert.equal(client.doneMs, 100);
});

test("link control learns the round trip, at most the delay of an acknowledgement longer", () => {
  const world = new World({ up: { delayMs: 20 }, down: { delayMs: 30 } });
  const { flight } = world.client.mux;
  const control = new LinkControl(flight);
  flight.control = control;
  world.agent.accept = (channel) => void new Flow(world, channel, { seed: 1 });
  new Flow(world, world.client.mux.open({ kind: "maps" }), { seed: 1, sendBytes: 10 }).start();
  world.run();
  assert.equal(control.minRttMs, 50 + world.agent.mux.flight.ackDelayMs);
});

test("a stalled reader holds at most its window, and the others go on", () => {
  const windowBytes = 100_000;
  const world = new World({
    client: { windowBytes },
    up: { delayMs: 5 },
    down: { delayMs: 5, bytesPerMs: 6250 },
  });
  world.agent.accept = (channel) => {
    answer(world, channel, { seed: channel.id, sendBytes: 2_000_000 });
  };
  const open = (holdMs: number): Flow => {
    const channel = world.client.mux.open({ kind: "tcp", host: "10.0.0.1", port: 80 });
    return new Flow(world, channel, { seed: channel.id, holdMs });
  };
  const stalled = open(Infinity);
  const others = [open(0), open(1)];
  world.run(5000);
  assert.equal(stalled.receivedBytes, windowBytes);
  assert.equal(stalled.maxHeldBytes, windowBytes);
  for (const other of others) assert.equal(other.receivedBytes, 2_000_000);

  stalled.release();
  world.run(5100);
  assert.equal(stalled.receivedBytes, 2 * windowBytes);
});

test("flightBytes caps what is sent and not acknowledged, and is used up", () => {
  const flightBytes = 30_000;
  const world = new World({ client: { flightBytes }, up: { delayMs: 50 }, down: { delayMs: 50 } });
  world.agent.accept = (channel) => void new Flow(world, channel, { seed: 1 });
  new Flow(world, world.client.mux.open({ kind: "maps" }), { seed: 1, sendBytes: 500_000 }).start();
  world.run();
  // The watch of the client fails the run if a byte goes beyond.
  assert.ok(world.client.watch.maxFlightBytes > flightBytes - 2048);
});

test("a pure receiver that acknowledges for long can still send", () => {
  const world = new World({ client: { flightBytes: 4096 }, down: { bytesPerMs: 6250 } });
  world.agent.accept = (channel) => {
    answer(world, channel, { seed: 1, sendBytes: 30_000_000, writeBytes: 65_536 });
  };
  const channel = world.client.mux.open({ kind: "maps" });
  const client = new Flow(world, channel, { seed: 1, sendBytes: 50_000, endsLast: true });
  world.run();
  assert.equal(client.receivedBytes, 30_000_000);
  assert.ok(channel.isClosed);
});

test("sparse flows pass a bulk flow, and bulk flows share alike", () => {
  const world = new World({
    client: { windowBytes: 1_048_576 },
    down: { bytesPerMs: 1250, delayMs: 10, capacityBytes: 65_536 },
    up: { delayMs: 10 },
  });
  const bulk: Flow[] = [];
  world.agent.accept = (channel) => {
    channel.accept();
    const isBulk = channel.id <= 5;
    new Flow(world, channel, { seed: channel.id, sendBytes: isBulk ? 3_000_000 : 64 }).start();
  };
  for (let i = 0; i < 3; i++)
    bulk.push(new Flow(world, world.client.mux.open({ kind: "maps" }), { seed: 2 * i + 1 }));
  world.run(500);
  const delays: number[] = [];
  for (let i = 0; i < 20; i++) {
    const startMs = world.nowMs;
    const channel = world.client.mux.open({ kind: "maps" });
    const sparse = new Flow(world, channel, { seed: channel.id });
    world.run(startMs + 300);
    delays.push(sparse.doneMs - startMs);
  }
  // The pipe alone holds 52 ms, the round trip is 20; one frame and one quantum may be before it: 66 ms.
  assert.ok(Math.max(...delays) < 52 + 20 + 66, `${Math.max(...delays)} ms`);
  const received = bulk.map((flow) => flow.receivedBytes);
  assert.ok(Math.max(...received) - Math.min(...received) < 200_000, received.join(" "));
});

/** DATA frames of a transfer beside idle channels. */
function framesBeside(idle: number): number {
  const world = new World({ down: { capacityBytes: 65_536 } });
  world.agent.accept = (channel) =>
    void answer(world, channel, { seed: 1, sendBytes: channel.id === 1 ? 3_000_000 : 0, neverEnds: true });
  const flows: Flow[] = [];
  for (let i = 0; i <= idle; i++)
    flows.push(new Flow(world, world.client.mux.open({ kind: "maps" }), { seed: 1 }));
  world.run();
  assert.equal(flows[0]?.receivedBytes, 3_000_000);
  assert.equal(world.agent.mux.channelCount, idle + 1);
  return world.agent.watch.dataFrames;
}

test("10,000 idle channels do not cut the frames of the one that sends", () => {
  // Their answers take room in a few batches, no more.
  assert.ok(framesBeside(10_000) < framesBeside(0) + 10);
});
