import assert from "node:assert/strict";
import { test } from "node:test";
import type { Channel } from "../../agent-src/wire/channel.ts";
import { GoAway, ResetCode } from "../../agent-src/wire/codes.ts";
import { MAX_REFUSALS } from "../../agent-src/wire/mux.ts";
import type { MuxOptions } from "../../agent-src/wire/options.ts";
import { answer, Flow } from "./flow.ts";
import type { FlowOptions } from "./flow.ts";
import { World } from "./world.ts";
import type { WorldOptions } from "./world.ts";

interface Pair {
  readonly world: World;
  readonly client: Flow;
  agent: Flow | undefined;
}

function connect(client: Partial<FlowOptions>, agent: Partial<FlowOptions>, options?: WorldOptions): Pair {
  const world = new World({ up: { delayMs: 10 }, down: { delayMs: 10 }, ...options });
  const channel = world.client.mux.open({ kind: "tcp", host: "::1", port: 80 });
  const pair: Pair = { world, client: new Flow(world, channel, { seed: 1, ...client }), agent: undefined };
  world.agent.accept = (accepted) => {
    pair.agent = answer(world, accepted, { seed: 1, ...agent });
  };
  pair.client.start();
  return pair;
}

function assertEmpty(world: World): void {
  assert.equal(world.client.mux.channelCount, 0);
  assert.equal(world.agent.mux.channelCount, 0);
  assert.equal(world.client.end, undefined);
}

for (const [title, client, agent] of [
  ["the client ends first", {}, { endsLast: true }],
  ["the agent ends first", { endsLast: true }, {}],
  ["both end at the same time", {}, {}],
] satisfies [string, Partial<FlowOptions>, Partial<FlowOptions>][]) {
  for (const sendBytes of [0, 300_000]) {
    test(`half close: ${title}, after ${sendBytes} bytes each way`, () => {
      const pair = connect({ ...client, sendBytes }, { ...agent, sendBytes });
      pair.world.run();
      assert.ok(pair.client.hasEnded && pair.agent?.hasEnded);
      assert.equal(pair.client.receivedBytes, sendBytes);
      assert.equal(pair.agent.receivedBytes, sendBytes);
      assertEmpty(pair.world);
    });
  }
}

test("data flows on for long after the other direction has ended", () => {
  const pair = connect(
    { endsLast: true, sendBytes: 2_000_000 },
    {},
    { up: { delayMs: 10, bytesPerMs: 100 } },
  );
  pair.world.run();
  assert.equal(pair.agent?.receivedBytes, 2_000_000);
  assertEmpty(pair.world);
});

test("a channel is counted until the bytes that came on it are consumed", () => {
  const pair = connect({ sendBytes: 1000 }, { holdMs: 500 });
  pair.world.run(400);
  assert.ok(pair.agent?.hasEnded && pair.agent.channel.isClosed);
  assert.equal(pair.world.agent.mux.channelCount, 1);
  pair.world.run(600);
  assertEmpty(pair.world);
});

for (const who of ["client", "agent"] as const) {
  test(`reset by the ${who} in the middle of a transfer both ways`, () => {
    const pair = connect(
      { sendBytes: 5_000_000 },
      { sendBytes: 5_000_000 },
      {
        up: { delayMs: 10, bytesPerMs: 1000 },
        down: { delayMs: 10, bytesPerMs: 1000 },
      },
    );
    pair.world.run(500);
    const [from, to] = who === "client" ? [pair.client, pair.agent] : [pair.agent, pair.client];
    assert.ok(from && to && from.receivedBytes > 0 && to.receivedBytes > 0);
    from.channel.reset(ResetCode.ResetByPeer, "ECONNRESET \u001b[31m");
    pair.world.run();
    assert.equal(to.resetCode, ResetCode.ResetByPeer);
    assert.equal(to.resetDetail, "ECONNRESET ?[31m");
    assert.equal(from.resetCode, undefined);
    assertEmpty(pair.world);
  });
}

test("fail() resets after what was written, reset() at once", () => {
  for (const method of ["fail", "reset"] as const) {
    const pair = connect(
      { sendBytes: 100_000, neverEnds: true },
      { neverEnds: true },
      { up: { bytesPerMs: 100 } },
    );
    pair.client.channel[method](ResetCode.ResetByPeer, "ECONNRESET");
    pair.world.run();
    // Nothing of it was sent by then: without its bytes not even the channel is heard of.
    assert.equal(pair.agent?.receivedBytes, method === "fail" ? 100_000 : undefined);
    assert.equal(pair.agent?.resetCode, method === "fail" ? ResetCode.ResetByPeer : undefined);
    assertEmpty(pair.world);
  }
});

test("a reset of the peer ends the wait of fail()", () => {
  const pair = connect(
    { sendBytes: 120_000, neverEnds: true },
    { neverEnds: true, holdMs: Infinity },
    {
      agent: { windowBytes: 65_536 },
    },
  );
  pair.client.channel.fail(ResetCode.ResetByPeer, "");
  pair.world.run(1000);
  assert.equal(pair.world.client.mux.channelCount, 1);
  pair.agent?.channel.reset();
  pair.world.run();
  assertEmpty(pair.world);
});

test("resets that cross in flight leave nothing", () => {
  const pair = connect({ sendBytes: 5_000_000 }, { sendBytes: 5_000_000 });
  pair.world.run(45);
  pair.client.channel.reset(ResetCode.Aborted);
  pair.agent?.channel.reset(ResetCode.Aborted);
  pair.world.run();
  assertEmpty(pair.world);
});

test("a channel reset before its OPEN was sent is never heard of", () => {
  const world = new World();
  world.agent.accept = () => assert.fail("opened");
  world.client.mux.open({ kind: "maps" }).reset();
  world.run();
  assertEmpty(world);
});

test("refused: the reason arrives, after data was sent already", () => {
  const world = new World();
  world.agent.accept = (channel) => channel.reset(ResetCode.Refused, "connect ECONNREFUSED");
  const channel = world.client.mux.open({ kind: "tcp", host: "10.0.0.1", port: 1 });
  const flow = new Flow(world, channel, { seed: 1, sendBytes: 400_000 }).start();
  world.run();
  assert.ok(!flow.wasOpened);
  assert.equal(flow.resetCode, ResetCode.Refused);
  assert.equal(flow.resetDetail, "connect ECONNREFUSED");
  assertEmpty(world);
});

test("what cannot be opened is reset, and says why", () => {
  const world = new World({ agent: { maxChannels: 1 } });
  world.agent.accept = (channel) => void new Flow(world, channel, { seed: 1 });
  world.run();
  const codes: (ResetCode | undefined)[] = [];
  const open = (host: string): void => {
    const flow = new Flow(world, world.client.mux.open({ kind: "tcp", host, port: 1 }), { seed: 1 });
    world.run();
    codes.push(flow.resetCode);
    flow.channel.reset();
    flow.channel.consume(0);
  };
  const first = world.client.mux.open({ kind: "maps" });
  open("10.0.0.1");
  open("no host");
  open("x".repeat(256));
  assert.deepEqual(codes, [ResetCode.Resource, ResetCode.NameNotFound, ResetCode.NameNotFound]);
  assert.equal(world.client.mux.channelCount, 1);
  first.reset();
  world.run();
  open("x".repeat(255));
  assert.equal(codes[3], undefined);
  world.client.mux.goAway(GoAway.Normal);
  open("10.0.0.1");
  assert.equal(codes[4], ResetCode.Aborted);
});

/** Opens that many channels to an agent whose way back holds so much. */
function overflow(count: number, agent: MuxOptions, capacityBytes: number): World {
  const world = new World({ agent, down: { capacityBytes } });
  world.agent.accept = (channel) => void new Flow(world, channel, { seed: 1 });
  const flows: Flow[] = [];
  for (let i = 0; i < count; i++)
    flows.push(new Flow(world, world.client.mux.open({ kind: "maps" }), { seed: 1 }));
  world.run();
  if (capacityBytes > 0) {
    const refused = flows.filter((flow) => flow.resetCode === ResetCode.Resource);
    assert.equal(refused.length, count - (agent.maxChannels ?? 0));
  }
  return world;
}

test("channels above the limit are refused one by one; at once too many waiting refusals end the link", () => {
  assert.equal(overflow(500, { maxChannels: 10 }, Infinity).agent.end, undefined);
  assert.equal(overflow(10 + MAX_REFUSALS, { maxChannels: 10 }, 0).agent.end, undefined);
  assert.equal(overflow(11 + MAX_REFUSALS, { maxChannels: 10 }, 0).agent.end?.code, GoAway.Flood);
});

test("go-away: every channel is reset on both ends, and the reason arrives", () => {
  const pair = connect({ sendBytes: 5_000_000 }, { sendBytes: 5_000_000 });
  pair.world.run(100);
  pair.world.client.mux.goAway(GoAway.Normal, "user asked for it");
  pair.world.run();
  assert.deepEqual(pair.world.client.end, { by: "local", code: GoAway.Normal, detail: "user asked for it" });
  assert.deepEqual(pair.world.agent.end, { by: "peer", code: GoAway.Normal, detail: "user asked for it" });
  assert.equal(pair.client.resetCode, ResetCode.Aborted);
  assert.equal(pair.agent?.resetCode, ResetCode.Aborted);
  assert.equal(pair.world.client.mux.channelCount + pair.world.agent.mux.channelCount, 0);
  assert.equal(pair.world.client.mux.nextTimeoutMs(), Infinity);
});

test("a lost pipe ends the link without another byte", () => {
  const pair = connect({ sendBytes: 5_000_000 }, {});
  pair.world.run(15);
  pair.world.client.mux.lose("input ended");
  assert.equal(pair.world.client.mux.pollTransmit(65_536, 15), undefined);
  pair.world.run(16);
  assert.deepEqual(pair.world.client.end, { by: "lost", code: GoAway.Internal, detail: "input ended" });
  assert.equal(pair.client.resetCode, ResetCode.Aborted);
});

function callAll(channel: Channel): void {
  assert.equal(channel.write(new Uint8Array(10)), true);
  channel.end();
  channel.accept();
  channel.consume(0);
}

test("writes and ends after the end are dropped, in every state", () => {
  const pair = connect({}, {});
  pair.world.run();
  callAll(pair.client.channel);
  pair.client.channel.reset();
  callAll(pair.client.channel);
  pair.world.run();
  assertEmpty(pair.world);
});
