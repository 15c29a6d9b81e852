/** Link control in both ends of the wire: what the mux tells it decides what it learns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChannelHandler } from "../../agent-src/wire/channel.ts";
import { LinkControl } from "../../agent-src/wire/link-control.ts";
import { World } from "./world.ts";

const TARGET = { kind: "tcp", host: "10.0.0.1", port: 80 } as const;
const BYTES_PER_MS = 6250;

const taking: ChannelHandler = {
  data: (channel, bytes) => channel.consume(bytes.length),
  end: () => undefined,
  reset: () => undefined,
  writable: () => undefined,
};

test("key strokes alone do not make the link look slow: the bulk after them fills it within a second", () => {
  const pipe = { delayMs: 20, bytesPerMs: BYTES_PER_MS };
  const end = { windowBytes: 8_388_608 };
  const world = new World({ client: end, agent: end, up: pipe, down: pipe });
  for (const { mux } of [world.client, world.agent]) mux.flight.control = new LinkControl(mux.flight);
  world.agent.accept = (channel) => {
    channel.accept();
    channel.handler = taking;
  };
  const keys = world.client.mux.open(TARGET, taking);
  for (let ms = 100; ms < 5000; ms += 100) world.at(ms, () => void keys.write(new Uint8Array(50)));
  world.run(5000);

  const bulk = world.client.mux.open(TARGET);
  const piece = new Uint8Array(65_536);
  const fill = (): void => {
    while (bulk.write(piece));
  };
  bulk.handler = { ...taking, writable: fill };
  fill();
  world.run(6000);
  const { flight } = world.client.mux;
  const before = flight.ackedBytes;
  world.run(7000);
  const share = (flight.ackedBytes - before) / (1000 * BYTES_PER_MS);
  assert.ok(share > 0.9, `${share} of the rate`);
});
