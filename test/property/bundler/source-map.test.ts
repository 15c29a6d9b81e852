import assert from "node:assert/strict";
import { SourceMap } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import { decodeMappings, encodeMappings, encodeSourceMap } from "../../../bundler/source-map.ts";
import type { Segment } from "../../../bundler/source-map.ts";

/** Segments in the order of a text, no two at one place. */
const segments: fc.Arbitrary<Segment[]> = fc
  .uniqueArray(
    fc.record(
      {
        generatedLine: fc.nat(200),
        generatedColumn: fc.nat(100_000),
        sourceLine: fc.nat(100_000),
        sourceColumn: fc.nat(100_000),
      },
      { noNullPrototype: true },
    ),
    { selector: (segment) => `${segment.generatedLine}:${segment.generatedColumn}` },
  )
  .map((list) =>
    list.toSorted((a, b) => a.generatedLine - b.generatedLine || a.generatedColumn - b.generatedColumn),
  );

test("decodeMappings() undoes encodeMappings()", () => {
  fc.assert(fc.property(segments, (list) => assert.deepEqual(decodeMappings(encodeMappings(list)), list)));
});

test("Node finds in an encoded map what was put in", () => {
  fc.assert(
    fc.property(segments, (list) => {
      const map = new SourceMap(
        JSON.parse(encodeSourceMap("a.ts", list)) as ConstructorParameters<typeof SourceMap>[0],
      );
      for (const segment of list) {
        const entry = map.findEntry(segment.generatedLine, segment.generatedColumn);
        assert.ok("originalLine" in entry);
        assert.equal(entry.originalSource, "a.ts");
        assert.equal(entry.originalLine, segment.sourceLine);
        assert.equal(entry.originalColumn, segment.sourceColumn);
      }
    }),
  );
});
