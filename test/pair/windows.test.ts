/** Windows at work, on both ends: a channel gets what it can use, and all together hold no more than they may. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ResetCode } from "../../agent-src/wire/codes.ts";
import { QUEUE_BYTES } from "../../agent-src/wire/channel.ts";
import { controlLink } from "../../agent-src/wire/control.ts";
import { Frame } from "../../agent-src/wire/frame.ts";
import { FrameWriter } from "../../agent-src/wire/frame-writer.ts";
import { writeHello } from "../../agent-src/wire/hello.ts";
import { MAX_CHANNELS, Mux } from "../../agent-src/wire/mux.ts";
import { FIRST_BYTES, MEMORY_BYTES } from "../../agent-src/wire/receive-memory.ts";
import { INITIAL_WINDOW_BYTES } from "../../agent-src/wire/window.ts";
import { BLOCK_BYTES, Bulk } from "./bulk.ts";
import { answer, Flow } from "./flow.ts";
import { World } from "./world.ts";

/** 100 Mbit/s. */
const BYTES_PER_MS = 12_500;
const RTT_MS = 200;
const PATH = { delayMs: RTT_MS / 2, bytesPerMs: BYTES_PER_MS };
const SETTLED_MS = 8000;
const END_MS = 18_000;

for (const direction of ["down", "up"] as const) {
  test(`a single channel fills 100 Mbit/s over 200 ms, ${direction}`, () => {
    const world = new World({ isControlled: true, up: PATH, down: PATH });
    let far: Bulk | undefined;
    world.agent.accept = (channel) => {
      channel.accept();
      far = new Bulk(channel);
      if (direction === "down") far.pour();
    };
    const near = new Bulk(world.client.mux.open({ kind: "maps" }));
    if (direction === "up") near.pour();
    world.run(SETTLED_MS);
    const taker = direction === "down" ? near : far;
    assert.ok(taker);
    const before = taker.takenBytes;
    world.run(END_MS);
    const share = (taker.takenBytes - before) / (BYTES_PER_MS * (END_MS - SETTLED_MS));
    assert.ok(share >= 0.95, `${(share * 100).toFixed(1)} % of what the path carries`);
  });
}

test("a first MiB needs no grants that cross the link: it takes one round trip", () => {
  const world = new World({ isControlled: true, up: { delayMs: 100 }, down: { delayMs: 100 } });
  // What the agent may have in flight is another matter.
  world.agent.mux.flight.control = undefined;
  world.agent.accept = (channel) => void answer(world, channel, { seed: 1, sendBytes: FIRST_BYTES });
  const flow = new Flow(world, world.client.mux.open({ kind: "maps" }), { seed: 1, endsLast: true });
  world.run(1000);
  assert.equal(flow.receivedBytes, FIRST_BYTES);
  assert.equal(flow.doneMs, 200);
});

/** Bytes that 100 readers take from the fifth second to the tenth, beside so many that take nothing; and what is held. */
function workBeside(stalled: number): { takenBytes: number; heldBytes: number } {
  const path = { delayMs: 20, bytesPerMs: BYTES_PER_MS };
  const world = new World({ isControlled: true, up: path, down: path });
  world.agent.accept = (channel) => {
    channel.accept();
    new Bulk(channel).pour();
  };
  const open = (takes: boolean): Bulk => new Bulk(world.client.mux.open({ kind: "maps" }), { takes });
  const readers = Array.from({ length: 100 }, () => open(true));
  const stalledReaders = Array.from({ length: stalled }, () => open(false));
  const takenBytes = (): number => readers.reduce((sum, reader) => sum + reader.takenBytes, 0);
  world.run(5000);
  const before = takenBytes();
  world.run(10_000);
  for (const { resetCode } of [...readers, ...stalledReaders]) assert.equal(resetCode, undefined);
  return { takenBytes: takenBytes() - before, heldBytes: world.client.mux.heldBytes };
}

test("100 readers keep their rate beside 100 that take nothing, and those hold less than they may", () => {
  const alone = workBeside(0);
  const beside = workBeside(100);
  assert.ok(beside.takenBytes > 0.98 * alone.takenBytes, `${beside.takenBytes} of ${alone.takenBytes}`);
  assert.ok(beside.heldBytes >= 100 * INITIAL_WINDOW_BYTES && beside.heldBytes < MEMORY_BYTES / 2);
});

test("1,000 that wait for credit keep 64 MiB and what each writes at once, and another one is as quick as ever", () => {
  const world = new World({ isControlled: true, up: PATH, down: PATH });
  world.agent.accept = (channel) => {
    channel.accept();
    new Bulk(channel).pour();
  };
  const open = (takes: boolean): Bulk => new Bulk(world.client.mux.open({ kind: "maps" }), { takes });
  for (let i = 0; i < 1000; i++) open(false);
  world.run(15_000);
  const { mux } = world.agent;
  assert.equal(world.client.mux.channelCount, 1000);
  assert.ok(mux.queuedBytes < QUEUE_BYTES + 1000 * BLOCK_BYTES, `${mux.queuedBytes} are waiting`);
  const reader = open(true);
  world.run(20_000);
  const before = reader.takenBytes;
  world.run(25_000);
  const windowRate = INITIAL_WINDOW_BYTES / RTT_MS;
  assert.ok(reader.takenBytes - before > 0.9 * 5000 * windowRate, `${reader.takenBytes - before}`);
});

test("readers that were quick and stall one after the other hold less and less, and leave some for the next", () => {
  const world = new World({ isControlled: true, up: PATH, down: PATH });
  world.agent.accept = (channel) => {
    channel.accept();
    new Bulk(channel).pour();
  };
  const held: number[] = [];
  for (let i = 0; i < 30; i++) {
    const reader = new Bulk(world.client.mux.open({ kind: "maps" }));
    const { window } = reader.channel;
    // It takes its share for a while, then nothing.
    world.run(world.nowMs + 3000);
    reader.data = () => undefined;
    world.run(world.nowMs + 1000);
    held.push(window.heldBytes);
  }
  assert.equal(world.client.mux.channelCount, 30);
  const [first = 0] = held;
  const last = held.at(-1) ?? 0;
  assert.ok(first > BYTES_PER_MS * RTT_MS, `the first holds ${first}`);
  assert.ok(last < first / 2 && last >= INITIAL_WINDOW_BYTES, `the last holds ${last}`);
  assert.ok(world.client.mux.heldBytes < MEMORY_BYTES, `${world.client.mux.heldBytes} in all`);
  const reader = new Bulk(world.client.mux.open({ kind: "maps" }));
  world.run(world.nowMs + 3000);
  assert.ok(reader.takenBytes > 10 * INITIAL_WINDOW_BYTES, `the next has taken ${reader.takenBytes}`);
});

test("a peer that fills the first windows of 65,536 channels meets the bound, and the link lives", () => {
  const mux = new Mux("agent", 0);
  controlLink(mux);
  const writer = new FrameWriter();
  const deliver = (): void => {
    for (const bytes of writer.take() ?? []) mux.receive(bytes, 1);
  };
  const payload = new Uint8Array(INITIAL_WINDOW_BYTES);
  let resets = 0;
  writeHello(writer, INITIAL_WINDOW_BYTES, 0);
  for (let id = 1; id < 2 * MAX_CHANNELS; id += 2) writer.frame(Frame.Open, id, 1).u8(2);
  deliver();
  for (let id = 1; id < 2 * MAX_CHANNELS; id += 2) {
    writer.frame(Frame.Data, id, payload.length).payload(payload);
    deliver();
    assert.ok(mux.heldBytes <= MEMORY_BYTES);
    for (let event = mux.pollEvent(); event; event = mux.pollEvent())
      if (event.type === "reset") {
        assert.equal(event.code, ResetCode.Resource);
        resets++;
      }
    mux.pollTransmit(65_536, 1);
  }
  assert.equal(mux.end, undefined);
  assert.equal(mux.heldBytes, MEMORY_BYTES);
  assert.equal(resets, MAX_CHANNELS - MEMORY_BYTES / INITIAL_WINDOW_BYTES);

  writer.frame(Frame.Ping, 0, 8).u64(7);
  deliver();
  assert.ok(Buffer.concat(mux.pollTransmit(65_536, 2) ?? []).includes(Buffer.from([0, 0, 0, 0, 0, 0, 0, 7])));
});
