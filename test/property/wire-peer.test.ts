import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Frame } from "../../agent-src/wire/frame.ts";
import { Mux } from "../../agent-src/wire/mux.ts";
import { anyFrame, cutBytes, cuts, encodeFrames } from "./frames.ts";
import type { PlainFrame } from "./frames.ts";

const HELLO: PlainFrame = {
  type: Frame.Hello,
  channel: 0,
  payload: Uint8Array.of(0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
};

/** Frames on few channels, so that they meet; small credits and codes, so that they are often valid. */
const likelyFrame = anyFrame.chain((frame) =>
  fc.record({
    type: fc.constant(frame.type),
    channel: frame.channel === 0 ? fc.constant(0) : fc.integer({ min: 1, max: 9 }),
    payload: fc.constantFrom(
      frame.payload,
      frame.payload.map((byte, i) => (i < 3 ? 0 : byte % 16)),
    ),
  }),
);

type Deed = "write" | "end" | "reset" | "accept" | "consume" | "open" | "timeout";
const deed = fc.constantFrom<Deed>("write", "end", "reset", "accept", "consume", "open", "timeout");

/** An agent that answers each event with the next deed, whatever it is. Returns how the link ended. */
function react(pieces: readonly Uint8Array[], deeds: readonly Deed[]): Mux {
  const mux = new Mux("agent", 0, { maxChannels: 4, windowBytes: 65_536, flightBytes: 10_000 });
  let nowMs = 0;
  let turn = 0;
  for (const piece of pieces) {
    mux.receive(piece, (nowMs += 5));
    for (let event = mux.pollEvent(); event; event = mux.pollEvent()) {
      // Opening on a link that is over is answered by an event: that would go on for ever.
      if (mux.end) continue;
      const channel = "channel" in event ? event.channel : mux.open({ kind: "maps" });
      switch (deeds[turn++ % deeds.length]) {
        case "write":
          channel.write(new Uint8Array(3000));
          break;
        case "end":
          channel.end();
          break;
        case "reset":
          channel.reset();
          break;
        case "accept":
          channel.accept();
          break;
        case "consume":
          if (event.type === "data") channel.consume(event.bytes.length);
          break;
        case "open":
          mux.open({ kind: "tcp", host: "example.org", port: 443 });
          break;
        case "timeout":
          mux.handleTimeout((nowMs += 20_000));
          break;
        case undefined:
          break;
      }
    }
    while (mux.pollTransmit(4096, nowMs));
  }
  return mux;
}

test("whatever frames a peer sends, and whatever is done then, nothing is thrown and little is kept", () => {
  let survived = 0;
  let ended = 0;
  fc.assert(
    fc.property(
      fc.array(likelyFrame, { maxLength: 40 }),
      cuts,
      fc.array(deed, { minLength: 1, maxLength: 12 }),
      (frames, lengths, deeds) => {
        const mux = react(cutBytes(encodeFrames([HELLO, ...frames]), lengths), deeds);
        assert.ok(mux.channelCount <= 4 + 4 * frames.length);
        if (mux.end) ended++;
        else survived++;
      },
    ),
    { numRuns: 3000 },
  );
  // A generator whose frames were all wrong, or all right, would test little.
  assert.ok(survived > 100 && ended > 100, `${survived} survived, ${ended} ended`);
});

test("a stream with bytes changed, lost or doubled ends the link or goes on, and nothing is thrown", () => {
  const damage = fc.record({ at: fc.nat(), bytes: fc.uint8Array({ maxLength: 9 }), lost: fc.nat(9) });
  fc.assert(
    fc.property(
      fc.array(likelyFrame, { minLength: 1, maxLength: 20 }),
      damage,
      cuts,
      (frames, { at, bytes, lost }, lengths) => {
        const whole = encodeFrames([HELLO, ...frames]);
        const from = at % whole.length;
        const damaged = Buffer.concat([whole.subarray(0, from), bytes, whole.subarray(from + lost)]);
        react(cutBytes(damaged, lengths), ["accept", "write", "consume", "end"]);
      },
    ),
    { numRuns: 2000 },
  );
});

test("random bytes in place of a hello end the link with one GO_AWAY", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 100 }), (bytes) => {
      fc.pre(bytes[0] !== Frame.Hello && bytes[0] !== Frame.GoAway);
      const mux = new Mux("client", 0);
      mux.receive(bytes, 1);
      assert.equal(mux.end?.by, "local");
      const sent = Buffer.concat(mux.pollTransmit(65_536, 1) ?? []);
      assert.equal(sent[24], Frame.GoAway, "after the hello of 24 bytes");
      assert.equal(mux.pollTransmit(65_536, 1), undefined);
    }),
  );
});
