import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import fc from "fast-check";
import { readArchive, writeArchive } from "../../../bundler/archive.ts";
import { bundle } from "../../../bundler/bundle.ts";

const ENTRY = fileURLToPath(new URL("../../../../agent-src/main.ts", import.meta.url));

const archive = await writeArchive(await bundle(ENTRY));
await readArchive(archive);

test("readArchive() refuses an archive with any byte changed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(archive.length - 1),
      fc.integer({ min: 1, max: 255 }),
      async (offset, difference) => {
        const damaged = Buffer.from(archive);
        damaged[offset] = (damaged[offset] ?? 0) ^ difference;
        await assert.rejects(readArchive(damaged), { code: "bundle-damaged" });
      },
    ),
    { numRuns: 300 },
  );
});

test("readArchive() refuses an archive cut short anywhere", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(archive.length - 1), async (length) => {
      await assert.rejects(readArchive(archive.subarray(0, length)), { code: "bundle-damaged" });
    }),
  );
});
