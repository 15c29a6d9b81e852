import assert from "node:assert/strict";
import { test } from "node:test";
import { GoAway, ResetCode } from "../../agent-src/wire/codes.ts";
import { answer, Flow } from "./flow.ts";
import { World } from "./world.ts";

test("a resting link stays for days, by a ping every 15 s", () => {
  const world = new World({ up: { delayMs: 100 }, down: { delayMs: 100 } });
  world.run(48 * 3_600_000);
  assert.equal(world.client.end ?? world.agent.end, undefined);
});

test("after 45 s of silence both ends give up, and their channels are reset", () => {
  const world = new World({ up: { stalls: [[1000, Infinity]] }, down: { stalls: [[1000, Infinity]] } });
  world.agent.accept = (channel) => {
    answer(world, channel, { seed: 1, neverEnds: true });
  };
  const flow = new Flow(world, world.client.mux.open({ kind: "maps" }), { seed: 1 });
  world.run(44_900);
  assert.equal(world.client.end ?? world.agent.end, undefined);
  world.run(45_100);
  for (const end of [world.client, world.agent]) {
    assert.equal(end.end?.by, "lost");
    assert.equal(end.end.code, GoAway.Silence);
    assert.equal(end.mux.channelCount, 0);
  }
  assert.equal(flow.resetCode, ResetCode.Aborted);
});

test("a stall of 40 s is survived, and the bytes arrive", () => {
  const world = new World({ up: { stalls: [[20, 40_000]] } });
  world.agent.accept = (channel) => {
    answer(world, channel, { seed: 1 });
  };
  const flow = new Flow(world, world.client.mux.open({ kind: "maps" }), {
    seed: 1,
    sendBytes: 5_000_000,
  }).start();
  world.run(60_000);
  assert.ok(flow.hasEnded);
});

test("a process that slept for an hour asks before it gives up", () => {
  const world = new World();
  world.run(10);
  const { mux } = world.client;
  const hour = 3_600_000;
  mux.handleTimeout(hour);
  assert.equal(mux.end, undefined);
  assert.ok(mux.pollTransmit(65_536, hour), "a ping");
  mux.handleTimeout(hour + 29_999);
  assert.equal(mux.end, undefined);
  mux.handleTimeout(hour + 30_000);
  assert.deepEqual(mux.pollEvent(), {
    type: "closed",
    end: { by: "lost", code: GoAway.Silence, detail: "nothing heard from the peer" },
  });
});

test("a link so slow that an answer takes minutes is not silent: any byte is life", () => {
  const world = new World({ up: { bytesPerMs: 5, delayMs: 10 } });
  world.agent.accept = (channel) => {
    answer(world, channel, { seed: 1 });
  };
  const flow = new Flow(world, world.client.mux.open({ kind: "maps" }), {
    seed: 1,
    sendBytes: 700_000,
  }).start();
  world.run(200_000);
  assert.ok(flow.hasEnded);
  assert.equal(world.client.end, undefined);
});
