import assert from "node:assert/strict";
import { test } from "node:test";
import { alignLines, countExact, mayBreakBefore } from "../../../bundler/line-align.ts";
import type { MappedText } from "../../../bundler/mapped-text.ts";

/** A text of one line; "@7:" before a token says that it stands on line 7 of the source. */
function mapped(marked: string): MappedText {
  const segments = [];
  let text = "";
  for (const piece of marked.split(/(?=@\d+:)/)) {
    const [marker = "", line] = /^@(\d+):/.exec(piece) ?? [];
    const lines = text.split("\n");
    if (line !== undefined) {
      segments.push({
        generatedLine: lines.length - 1,
        generatedColumn: lines.at(-1)?.length ?? 0,
        sourceLine: Number(line) - 1,
        sourceColumn: 0,
      });
    }
    text += piece.slice(marker.length);
  }
  return { text, segments };
}

function aligned(marked: string, forbidden?: ReadonlySet<number>): string {
  return alignLines(mapped(marked), forbidden).aligned.text;
}

test("alignLines() puts each statement on the line of its source", () => {
  assert.equal(aligned("@1:a();@2:b();@2:c();@5:d()"), "a();\nb();c();\n\n\nd()");
});

test("alignLines() breaks in place of a space", () => {
  assert.equal(aligned("if(@1:a)@1:b();else @2:c()"), "if(a)b();else\nc()");
});

test("alignLines() never breaks after a word that a newline would end", () => {
  for (const word of ["return", "throw", "break", "continue", "yield", "async"]) {
    assert.equal(mayBreakBefore(`{${word} x`, word.length + 2), false, word);
    assert.equal(mayBreakBefore(`{${word}(x`, word.length + 1), false, word);
    assert.equal(mayBreakBefore(`{_${word} x`, word.length + 3), true, `_${word}`);
    assert.equal(mayBreakBefore(`{${word}}`, word.length + 1), true, `${word} and nothing`);
  }
});

test("alignLines() never breaks before =>, ++ and --", () => {
  for (const token of ["=>", "++", "--"]) assert.equal(mayBreakBefore(`x${token}`, 1), false, token);
});

test("alignLines() takes return down to the line of what it returns", () => {
  assert.equal(aligned("@1:a();@2:return @4:b(@5:c)"), "a();\n\n\nreturn b(\nc)");
});

test("alignLines() leaves code that was moved where it is, rather than push the rest down", () => {
  const { aligned: text } = alignLines(mapped("@1:a(@9:moved);@2:b();@3:c()"));
  assert.equal(text.text, "a(moved);\nb();\nc()");
  assert.equal(countExact(text), 3);
});

test("alignLines() keeps a newline of a template where the source has one", () => {
  assert.equal(aligned("@1:a(`x\ny`);@2:b()"), "a(`x\ny`);b()");
});

test("alignLines() escapes a newline of a template that would push the rest down", () => {
  assert.equal(aligned("@1:a(`x\n`);@1:b();@2:c()"), "a(`x\\n`);b();\nc()");
});

test("alignLines() changes nothing at a forbidden place", () => {
  assert.equal(aligned("@1:a();@2:b();@3:c()", new Set([4])), "a();b();\n\nc()");
  assert.equal(aligned("@1:a(`x\n`);@1:b()", new Set([4])), "a(`x\n`);b()");
});

test("alignLines() moves the map with the text", () => {
  const { segments } = alignLines(mapped("@1:a();@2:b();@2:c()")).aligned;
  assert.deepEqual(
    segments.map(({ generatedLine, generatedColumn }) => [generatedLine, generatedColumn]),
    [
      [0, 0],
      [1, 0],
      [1, 4],
    ],
  );
});
