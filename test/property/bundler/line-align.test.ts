import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { alignLines, countExact } from "../../../bundler/line-align.ts";
import { segmentOffsets } from "../../../bundler/mapped-text.ts";
import type { MappedText } from "../../../bundler/mapped-text.ts";

interface Token {
  readonly text: string;
  readonly line: number;
}

function tokensOf(texts: readonly string[]): fc.Arbitrary<Token[]> {
  const token = fc.record({ text: fc.constantFrom(...texts), line: fc.nat(20) });
  return fc.array(token, { maxLength: 60 });
}

const simple = tokensOf(["a;", "bb()", "{", "}", ","]);
const awkward = tokensOf(["a;", "return ", "async ", "throw(", "x", "=>", "++", "`\n`", "`\n\n${"]);

function mapped(tokens: readonly Token[]): MappedText {
  let text = "";
  const segments = tokens.map((token) => {
    const before = text.split("\n");
    text += token.text;
    return {
      generatedLine: before.length - 1,
      generatedColumn: before.at(-1)?.length ?? 0,
      sourceLine: token.line,
      sourceColumn: token.line * 7,
    };
  });
  return { text, segments };
}

function squeezed(text: string): string {
  return text.replaceAll("\\n", "").replace(/[ \n]/g, "");
}

/** Longest run of lines that never decrease, the slow way. */
function longestRun(lines: readonly number[]): number {
  const best: number[] = [];
  for (const [index, line] of lines.entries()) {
    const before = best.filter((_, other) => other < index && (lines[other] ?? 0) <= line);
    best.push(1 + Math.max(0, ...before));
  }
  return Math.max(0, ...best);
}

test("alignLines() puts as many segments on their line as any placement of newlines could", () => {
  fc.assert(
    fc.property(simple, (tokens) => {
      const { aligned } = alignLines(mapped(tokens));
      assert.ok(countExact(aligned) >= longestRun(tokens.map(({ line }) => line)));
    }),
  );
});

test("alignLines() adds and removes nothing but newlines, spaces before them, and their escapes", () => {
  fc.assert(
    fc.property(awkward, (tokens) => {
      const plain = mapped(tokens);
      assert.equal(squeezed(alignLines(plain).aligned.text), squeezed(plain.text));
    }),
  );
});

test("alignLines() leads each segment from the same token to the same place", () => {
  fc.assert(
    fc.property(awkward, (tokens) => {
      const plain = mapped(tokens);
      const { aligned } = alignLines(plain);
      const offsets = segmentOffsets(aligned);
      for (const [index, token] of tokens.entries()) {
        const offset = offsets[index] ?? 0;
        assert.equal(aligned.text[offset], token.text[0]);
        assert.equal(aligned.segments[index]?.sourceLine, token.line);
        assert.equal(aligned.segments[index]?.sourceColumn, token.line * 7);
      }
    }),
  );
});

test("alignLines() puts no newline where the grammar forbids one", () => {
  fc.assert(
    fc.property(awkward, (tokens) => {
      const { edits } = alignLines(mapped(tokens));
      const { text } = mapped(tokens);
      for (const { end, replacement } of edits) {
        if (replacement === "\\n") continue;
        assert.doesNotMatch(text.slice(0, end), /(?:^|[^\w$])(?:return|async) $/);
        assert.doesNotMatch(text.slice(end), /^(?:=>|\+\+)/);
      }
    }),
  );
});

test("alignLines() changes nothing at forbidden places, whichever they are", () => {
  fc.assert(
    fc.property(awkward, fc.func(fc.boolean()), (tokens, isForbidden) => {
      const plain = mapped(tokens);
      const forbidden = new Set(
        Array.from(plain.text, (_, offset) => offset).filter((at) => isForbidden(at)),
      );
      for (const { start, end, replacement } of alignLines(plain, forbidden).edits) {
        assert.ok(!forbidden.has(replacement === "\\n" ? start : end));
      }
    }),
  );
});
