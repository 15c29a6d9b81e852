/** Whatever readers do: the memory is kept to, and whoever takes what has come gets more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ResetCode } from "../../agent-src/wire/codes.ts";
import { answer, Flow } from "../pair/flow.ts";
import { World } from "../pair/world.ts";

const SEND_BYTES = 300_000;
const FLOWS = 12;

const pipe = fc.record({
  delayMs: fc.constantFrom(0, 1, 100),
  bytesPerMs: fc.constantFrom(Infinity, 12_500, 500),
});

/** When a reader takes what it holds, and how much of it; or nothing for a long time. */
const reader = fc.record({
  everyMs: fc.constantFrom(1, 20, 300),
  part: fc.constantFrom(0.01, 0.5, 1),
  stallsMs: fc.constantFrom(0, 0, 5000, 60_000),
  startMs: fc.nat(500),
});

/** From less than two of the least windows to more than all will ever hold. */
const memoryBytes = fc.constantFrom(100_000, 300_000, 1_000_000, 8_000_000);

test("readers of all kinds never hold more than the memory, and get all if it does not run out", () => {
  let resets = 0;
  let survivors = 0;
  fc.assert(
    fc.property(
      pipe,
      pipe,
      memoryBytes,
      fc.array(reader, { minLength: 1, maxLength: FLOWS }),
      (up, down, bytes, readers) => {
        const world = new World({ isControlled: true, client: { memoryBytes: bytes }, up, down });
        const { mux } = world.client;
        world.agent.accept = (channel) =>
          void answer(world, channel, { seed: channel.id, sendBytes: SEND_BYTES });
        const flows: Flow[] = [];
        for (const { everyMs, part, stallsMs, startMs } of readers) {
          world.at(startMs, () => {
            const channel = mux.open({ kind: "maps" });
            const flow = new Flow(world, channel, { seed: channel.id, holdMs: Infinity });
            flows.push(flow);
            const take = (): void => {
              assert.ok(mux.heldBytes <= bytes, `${mux.heldBytes} held of ${bytes}`);
              if (flow.heldBytes > 0) flow.release(Math.ceil(flow.heldBytes * part));
              if (!flow.hasEnded && flow.resetCode === undefined) world.after(everyMs, take);
            };
            world.after(stallsMs, take);
          });
        }
        // At last all take what they have: then nothing is due any more that does not come.
        for (world.run(70_000); world.nowMs < 100_000; world.run(world.nowMs + 1000))
          for (const flow of flows) flow.release();
        for (const flow of flows) {
          if (flow.resetCode === undefined) {
            assert.equal(flow.receivedBytes, SEND_BYTES, "it waits for credit that is due");
            survivors++;
          } else {
            assert.equal(flow.resetCode, ResetCode.Resource);
            assert.ok(bytes < readers.length * SEND_BYTES);
            resets++;
          }
        }
        // Every byte that was counted was given back.
        assert.equal(mux.heldBytes, 0);
        assert.equal(mux.channelCount, 0);
      },
    ),
    { numRuns: 40 },
  );
  assert.ok(resets > 10 && survivors > 10, `${resets} resets, ${survivors} survivors`);
});
