import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PeerError } from "../../agent-src/wire/codes.ts";
import {
  encodeReport,
  encodeRequest,
  MAX_START_BYTES,
  MessageReader,
  parseReport,
  parseRequest,
} from "../../agent-src/wire/run-control.ts";
import type { RunReport, RunRequest } from "../../agent-src/wire/run-control.ts";
import { cutBytes, cuts } from "./frames.ts";

const signalName = fc.stringMatching(/^SIG[A-Z0-9]{1,13}$/);
const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: 1, maxLength });

const anyRequest: fc.Arbitrary<RunRequest> = fc.oneof(
  bytes(3000).map((text): RunRequest => ({ type: "start", text })),
  signalName.map((name): RunRequest => ({ type: "signal", name })),
);
const anyReport: fc.Arbitrary<RunReport> = fc.oneof(
  fc.nat(0xffffffff).map((pid): RunReport => ({ type: "started", pid })),
  fc.nat(255).map((status): RunReport => ({ type: "exited", status })),
  fc
    .tuple(fc.integer({ min: 1, max: 127 }), signalName)
    .map(([number, name]): RunReport => ({ type: "killed", number, name })),
  bytes(1024).map((reason): RunReport => ({ type: "failed", reason })),
);

test("messages do not depend on where their bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(anyRequest), fc.array(anyReport), cuts, (requests, reports, where) => {
      const asked = new MessageReader(parseRequest);
      const pieces = cutBytes(Buffer.concat(requests.map(encodeRequest)), where);
      assert.deepEqual(
        pieces.flatMap((piece) => asked.push(piece)),
        requests,
      );
      assert.equal(asked.heldBytes, 0);
      const told = new MessageReader(parseReport);
      const answers = cutBytes(Buffer.concat(reports.map(encodeReport)), where);
      assert.deepEqual(
        answers.flatMap((piece) => told.push(piece)),
        reports,
      );
    }),
  );
});

/** Headers that are nearly right, and bytes that are not. */
const hostile = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .tuple(fc.constantFrom(0, 1, 2, 3, 16, 17, 18, 19, 20), fc.nat(20), fc.uint8Array({ maxLength: 20 }))
      .map(([type, length, payload]) => Uint8Array.of(type, 0, 0, length, ...payload)),
    anyRequest.map(encodeRequest),
    anyReport.map(encodeReport),
  ),
);

test("whatever a peer writes is messages or a PeerError, and never holds more than one message", () => {
  for (const parse of [parseRequest, parseReport] as const) {
    fc.assert(
      fc.property(hostile, (pieces) => {
        const reader = new MessageReader<unknown>(parse);
        try {
          for (const piece of pieces) reader.push(piece);
        } catch (error) {
          assert.ok(error instanceof PeerError, String(error));
        }
        assert.ok(reader.heldBytes < 4 + MAX_START_BYTES);
      }),
    );
  }
});
