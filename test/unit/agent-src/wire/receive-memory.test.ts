import assert from "node:assert/strict";
import { test } from "node:test";
import { ResetCode } from "../../../../agent-src/wire/codes.ts";
import type { Control } from "../../../../agent-src/wire/flight.ts";
import { Frame } from "../../../../agent-src/wire/frame.ts";
import { FrameWriter } from "../../../../agent-src/wire/frame-writer.ts";
import { writeHello } from "../../../../agent-src/wire/hello.ts";
import { Mux } from "../../../../agent-src/wire/mux.ts";
import { FIRST_BYTES, ReceiveMemory } from "../../../../agent-src/wire/receive-memory.ts";
import { INITIAL_WINDOW_BYTES, ReceiveWindow } from "../../../../agent-src/wire/window.ts";

const MEMORY_BYTES = 64_000_000;
const SHARE_BYTES = MEMORY_BYTES / 8;
const RTT_MS = 100;

const control: Control = {
  capAt: () => 1e6,
  resumeMs: 0,
  minRttMs: RTT_MS,
  frameBytes: 65_536,
  sent: () => {},
  ranDry: () => {},
  acknowledged: () => {},
};

interface Setting {
  readonly mux: Mux;
  readonly memory: ReceiveMemory;
}

function setUp(channels: number = 1): Setting {
  const mux = new Mux("client", 0);
  mux.flight.control = control;
  const memory = new ReceiveMemory(mux, { memoryBytes: MEMORY_BYTES });
  for (let i = 0; i < channels; i++) mux.open({ kind: "maps" });
  return { mux, memory };
}

/** A window of which `bytes` come and are taken at once, and what is granted then; returns its size. */
function take(window: ReceiveWindow, memory: ReceiveMemory, bytes: number, nowMs: number): number {
  window.receive(bytes);
  window.heldBytes -= bytes;
  memory.resize(window, nowMs);
  window.allowed += window.due;
  return window.size;
}

test("a window doubles while it would be taken in four round trips, up to its share of the memory", () => {
  const { memory } = setUp();
  const window = new ReceiveWindow(INITIAL_WINDOW_BYTES);
  memory.resize(window, 0);
  window.allowed += window.due;
  assert.equal(window.size, FIRST_BYTES);
  const sizes: number[] = [];
  for (let round = 1; round <= 5; round++)
    sizes.push(take(window, memory, window.size / 2, round * 2 * RTT_MS));
  assert.deepEqual(sizes, [2 * FIRST_BYTES, 4 * FIRST_BYTES, SHARE_BYTES, SHARE_BYTES, SHARE_BYTES]);
});

test("a window that is taken more slowly stays as it is", () => {
  const { memory } = setUp();
  const window = new ReceiveWindow(INITIAL_WINDOW_BYTES);
  memory.resize(window, 0);
  window.allowed += window.due;
  for (let round = 1; round <= 5; round++)
    assert.equal(take(window, memory, FIRST_BYTES / 2, round * (2 * RTT_MS + 1)), FIRST_BYTES);
  // All of it at once counts for twice the time.
  assert.equal(take(window, memory, FIRST_BYTES, 5 * (2 * RTT_MS + 1) + 4 * RTT_MS), 2 * FIRST_BYTES);
});

test("without a round trip that was measured 100 ms are assumed, or what is said", () => {
  for (const [rttMs, assumedMs] of [
    [undefined, 100],
    [0, 2],
    [7, 7],
  ] as const) {
    for (const late of [0, 0.1]) {
      const mux = new Mux("client", 0);
      mux.open({ kind: "maps" });
      const memory = new ReceiveMemory(mux, { rttMs });
      const window = new ReceiveWindow(INITIAL_WINDOW_BYTES);
      memory.resize(window, 1000);
      window.allowed += window.due;
      const size = take(window, memory, FIRST_BYTES / 2, 1000 + 2 * assumedMs + late);
      assert.equal(size, late === 0 ? 2 * FIRST_BYTES : FIRST_BYTES);
    }
  }
});

test("of n channels each begins with an n-th of an eighth of the memory, 64 KiB at least and 1 MiB at most", () => {
  for (const [channels, size] of [
    [1, FIRST_BYTES],
    [7, FIRST_BYTES],
    [16, SHARE_BYTES / 16],
    [100, SHARE_BYTES / 100],
    [1000, INITIAL_WINDOW_BYTES],
  ] as const) {
    const window = new ReceiveWindow(INITIAL_WINDOW_BYTES);
    setUp(channels).memory.resize(window, 0);
    assert.equal(window.size, size, `${channels} channels`);
  }
});

test("what is promised to channels that were opened at once is below the memory, however many", () => {
  const { mux, memory } = setUp(0);
  let promisedBytes = 0;
  for (let i = 0; i < 500; i++) {
    mux.open({ kind: "maps" });
    const window = new ReceiveWindow(INITIAL_WINDOW_BYTES);
    memory.resize(window, 0);
    promisedBytes += window.allowed + window.due;
  }
  assert.ok(promisedBytes < MEMORY_BYTES, `${promisedBytes}`);
});

test("a window shrinks as others hold the memory, by credit that does not come back, and grows again", () => {
  const { mux, memory } = setUp();
  const window = new ReceiveWindow(INITIAL_WINDOW_BYTES);
  memory.resize(window, 0);
  window.allowed += window.due;
  for (let round = 1; round <= 4; round++) take(window, memory, window.size / 2, round);
  assert.equal(window.size, SHARE_BYTES);

  mux.heldBytes = MEMORY_BYTES - 8 * 1_000_000;
  assert.equal(take(window, memory, SHARE_BYTES / 2, 5), 1_000_000);
  assert.equal(window.allowed, SHARE_BYTES / 2);
  mux.heldBytes = MEMORY_BYTES;
  assert.equal(take(window, memory, window.allowed, 6), INITIAL_WINDOW_BYTES);
  assert.equal(window.allowed, INITIAL_WINDOW_BYTES);

  mux.heldBytes = 0;
  assert.equal(take(window, memory, INITIAL_WINDOW_BYTES, 7), FIRST_BYTES);
});

/** Frames of a peer that opens `channels` and sends that many bytes on each. */
function flood(sizes: readonly number[]): Uint8Array[] {
  const writer = new FrameWriter();
  writeHello(writer, INITIAL_WINDOW_BYTES, 0);
  sizes.forEach((bytes, i) => {
    writer.frame(Frame.Open, 2 * i + 1, 1).u8(2);
    writer.frame(Frame.Data, 2 * i + 1, bytes).payload(new Uint8Array(bytes));
  });
  return writer.take() ?? [];
}

/** What such a peer's channels are told, and the mux, which may hold that much and whose users take nothing. */
function receive(memoryBytes: number, sizes: readonly number[]): { mux: Mux; told: string[] } {
  const mux = new Mux("agent", 0);
  mux.windows = new ReceiveMemory(mux, { memoryBytes });
  const told: string[] = [];
  for (const bytes of flood(sizes)) mux.receive(bytes, 0);
  for (let event = mux.pollEvent(); event; event = mux.pollEvent())
    if (event.type === "reset") {
      assert.equal(event.code, ResetCode.Resource);
      told.push(`${event.channel.id}: ${event.detail}`);
    }
  assert.equal(mux.end, undefined);
  return { mux, told };
}

test("the memory may be full; one byte more resets the channel that holds the most, and no other", () => {
  const full = receive(100_000, [10_000, 50_000, 40_000]);
  assert.deepEqual(full.told, []);
  assert.equal(full.mux.heldBytes, 100_000);
  const over = receive(100_000, [10_000, 50_000, 40_000, 1]);
  assert.deepEqual(over.told, ["3: 100001 received bytes wait to be taken, 50000 of them here"]);
  assert.equal(over.mux.heldBytes, 50_001);
  // The peer hears of it, too.
  const sent = Buffer.concat(over.mux.pollTransmit(65_536, 0) ?? []);
  assert.ok(sent.includes(Buffer.from([Frame.Reset, 0, 0, 0, 3])));
  assert.ok(sent.includes("100001 received bytes wait to be taken"));
});

test("a channel that has ended both ways and is not taken can be the one", () => {
  const mux = new Mux("agent", 0);
  mux.windows = new ReceiveMemory(mux, { memoryBytes: 100_000 });
  for (const bytes of flood([60_000, 30_000])) mux.receive(bytes, 0);
  const [first] = mux.channels.values();
  const writer = new FrameWriter();
  writer.frame(Frame.End, 1, 0);
  for (const bytes of writer.take() ?? []) mux.receive(bytes, 0);
  first?.accept();
  first?.end();
  mux.pollTransmit(65_536, 0);
  assert.ok(first?.isClosed && first.window.heldBytes === 60_000);
  writer.frame(Frame.Data, 3, 20_000).payload(new Uint8Array(20_000));
  for (const bytes of writer.take() ?? []) mux.receive(bytes, 0);
  assert.equal(mux.heldBytes, 50_000);
  assert.equal(mux.channelCount, 1);
});

test("a channel that its own user has given up is not told", () => {
  const mux = new Mux("agent", 0);
  mux.windows = new ReceiveMemory(mux, { memoryBytes: 100_000 });
  for (const bytes of flood([60_000, 30_000])) mux.receive(bytes, 0);
  const [first] = mux.channels.values();
  first?.accept();
  first?.write(new Uint8Array(10));
  first?.fail(ResetCode.ResetByPeer, "");
  while (mux.pollEvent());
  const writer = new FrameWriter();
  writer.frame(Frame.Data, 3, 20_000).payload(new Uint8Array(20_000));
  for (const bytes of writer.take() ?? []) mux.receive(bytes, 0);
  assert.equal(mux.heldBytes, 50_000);
  assert.equal(mux.pollEvent()?.type, "data");
  assert.equal(mux.pollEvent(), undefined);
});

test("many that hold alike are looked up together, and each as long as it holds as much", () => {
  const sizes = Array.from({ length: 1000 }, () => 1000);
  const { mux, told } = receive(100_000, sizes);
  assert.equal(told.length, 900);
  assert.equal(mux.heldBytes, 100_000);
});
