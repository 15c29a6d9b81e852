/** Snapshots of both halves of a link, and one half asked for by the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LinkControl } from "../../agent-src/wire/link-control.ts";
import { MAX_STATS_BYTES, STATS_KIND, linkStats, tellStats } from "../../agent-src/wire/stats.ts";
import type { LinkStats } from "../../agent-src/wire/stats.ts";
import { askFarSide, parseLinkStats } from "../../client/statistics/far-figures.ts";
import { Flow, answer } from "./flow.ts";
import { World } from "./world.ts";

const TARGET = { kind: "tcp", host: "10.0.0.1", port: 80 } as const;
const BYTES_PER_MS = 6250;
const DELAY_MS = 20;

/** Both ends under control, over 50 Mbit/s and 40 ms. Windows are no limit: one channel fills the flight. */
function controlledWorld(): World {
  const pipe = { delayMs: DELAY_MS, bytesPerMs: BYTES_PER_MS };
  const end = { windowBytes: 8_388_608 };
  const world = new World({ client: end, agent: end, up: pipe, down: pipe });
  for (const { mux } of [world.client, world.agent]) mux.flight.control = new LinkControl(mux.flight);
  return world;
}

/** A download that the agent begins at once. */
function download(world: World, sendBytes: number): Flow {
  world.agent.accept = (channel) => void answer(world, channel, { seed: 1, sendBytes });
  return new Flow(world, world.client.mux.open(TARGET), { seed: 1 }).start();
}

test("linkStats() of an end that has done nothing has zeros and no estimates", () => {
  const world = new World({ client: { flightBytes: 32_768 } });
  assert.deepEqual(linkStats(world.client.mux), {
    sentBytes: 0,
    ackedBytes: 0,
    receivedBytes: 0,
    capBytes: 32_768,
    queuedBytes: 0,
    bytesPerS: null,
    minRttMs: null,
    control: "none",
    connections: 0,
  });
});

test("linkStats() in the middle of a download: the path as it is, and what each half holds", () => {
  const world = controlledWorld();
  const sendBytes = 12_000_000;
  const flow = download(world, sendBytes);
  world.run(1500);
  const client = linkStats(world.client.mux);
  const agent = linkStats(world.agent.mux);
  assert.ok(
    Math.abs((agent.bytesPerS ?? 0) / (BYTES_PER_MS * 1000) - 1) < 0.15,
    `${agent.bytesPerS} bytes/s`,
  );
  // A frame has to come whole, and an acknowledgement waits a little.
  const { minRttMs } = agent;
  assert.ok(minRttMs !== null && minRttMs >= 2 * DELAY_MS && minRttMs < 2 * DELAY_MS + 10, `${minRttMs} ms`);
  const bdp = BYTES_PER_MS * 2 * DELAY_MS;
  assert.ok(agent.capBytes > bdp && agent.capBytes < 1.8 * bdp, `${agent.capBytes} bytes of ${bdp}`);
  const flightBytes = agent.sentBytes - agent.ackedBytes;
  // Beyond the cap goes what has been received by now, and is not acknowledged yet: some milliseconds of it.
  const mostBytes = agent.capBytes + 10 * BYTES_PER_MS;
  assert.ok(flightBytes > 0.8 * bdp && flightBytes <= mostBytes, `${flightBytes} bytes in flight`);
  assert.ok(agent.queuedBytes > 0);
  assert.notEqual(agent.control, "startup");
  assert.ok(client.receivedBytes > agent.ackedBytes && client.receivedBytes < agent.sentBytes);
  assert.deepEqual([client.connections, agent.connections], [1, 1]);
  world.run();
  assert.equal(flow.receivedBytes, sendBytes);
  for (const [sender, receiver] of [
    [world.client, world.agent],
    [world.agent, world.client],
  ] as const) {
    const { sentBytes, ackedBytes, queuedBytes, connections } = linkStats(sender.mux);
    assert.deepEqual([ackedBytes, queuedBytes, connections], [sentBytes, 0, 0]);
    assert.equal(linkStats(receiver.mux).receivedBytes, sentBytes);
  }
  assert.ok(linkStats(world.agent.mux).sentBytes > sendBytes);
});

test("taking a snapshot changes nothing of what follows", () => {
  const [watched, alone] = [controlledWorld(), controlledWorld()];
  const flows = [watched, alone].map((world) => download(world, 3_000_000));
  for (let ms = 50; ms < 2000; ms += 50) {
    watched.at(ms, () => void linkStats(watched.agent.mux));
    alone.at(ms, () => undefined);
  }
  watched.run();
  alone.run();
  assert.equal(flows[0]?.doneMs, flows[1]?.doneMs);
  assert.deepEqual(linkStats(watched.agent.mux), linkStats(alone.agent.mux));
});

/** Asks over the two pipes of a world; what the agent does with the question is up to the test. */
async function ask(world: World, waitMs: number): Promise<LinkStats | undefined> {
  const answered = askFarSide({ open: (target, handler) => world.client.mux.open(target, handler) }, waitMs);
  world.run(world.nowMs + 1000);
  const stats = await answered;
  world.run(world.nowMs + 1000);
  assert.equal(world.client.mux.channelCount, 0, "the client's channels");
  assert.equal(world.agent.mux.channelCount, 0, "the agent's channels");
  return stats;
}

const LONG_MS = 60_000;
const ignore = (): void => undefined;

test("the agent's figures come over a channel of their own, in far less than may be taken", async () => {
  const world = controlledWorld();
  const flow = download(world, 1_000_000);
  world.run();
  assert.equal(flow.receivedBytes, 1_000_000);
  const before = linkStats(world.agent.mux);
  let asked = 0;
  world.agent.accept = (channel) => {
    assert.deepEqual(channel.target, { kind: "unknown", number: STATS_KIND });
    asked++;
    tellStats(channel, world.agent.mux);
  };
  const stats = await ask(world, LONG_MS);
  assert.equal(asked, 1);
  assert.deepEqual(stats, { ...before, receivedBytes: stats?.receivedBytes });
  assert.ok((stats?.receivedBytes ?? 0) > before.receivedBytes, "the question was received");
  const longest = Object.entries({ ...before, control: "startup" }).map(([name, value]) => [
    name,
    typeof value === "number" ? Number.MAX_SAFE_INTEGER : value,
  ]);
  assert.ok(JSON.stringify(Object.fromEntries(longest)).length * 3 < MAX_STATS_BYTES);
});

test("a far side that refuses, stays silent, says too much, or nonsense, is one that does not say", async () => {
  const text = (words: string): Uint8Array => Uint8Array.from(words, (char) => char.charCodeAt(0));
  const good = JSON.stringify(linkStats(controlledWorld().agent.mux));
  const answers: Record<string, Uint8Array | "reset" | "silence"> = {
    reset: "reset",
    silence: "silence",
    nothing: text(""),
    nonsense: text("<html>"),
    "half of it": text(good.slice(0, 40)),
    "more than there may be": text(good + " ".repeat(MAX_STATS_BYTES)),
    "a mebibyte": new Uint8Array(1_000_000),
  };
  for (const [name, said] of Object.entries(answers)) {
    const world = controlledWorld();
    world.agent.accept = (channel) => {
      if (said === "reset") return channel.reset();
      channel.handler = { data: ignore, end: ignore, reset: ignore, writable: ignore };
      if (said === "silence") return;
      channel.accept();
      channel.write(said);
      channel.end();
    };
    assert.equal(await ask(world, said === "silence" ? 1 : LONG_MS), undefined, name);
  }
  const world = controlledWorld();
  world.client.mux.lose("the pipe is gone");
  const late = askFarSide({ open: (target, handler) => world.client.mux.open(target, handler) }, LONG_MS);
  world.run();
  assert.equal(await late, undefined);
  assert.notEqual(parseLinkStats(text(good)), undefined, "these are refused for what is wrong with them");
});
