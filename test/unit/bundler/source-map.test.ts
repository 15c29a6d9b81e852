import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeMappings, encodeMappings, encodeSourceMap } from "../../../bundler/source-map.ts";

test("decodeMappings() reads lines, columns and signs, and leaves out what has no source", () => {
  assert.deepEqual(decodeMappings("AAAA,C;;IACGA,EADF"), [
    { generatedLine: 0, generatedColumn: 0, sourceLine: 0, sourceColumn: 0 },
    { generatedLine: 2, generatedColumn: 4, sourceLine: 1, sourceColumn: 3 },
    { generatedLine: 2, generatedColumn: 6, sourceLine: 0, sourceColumn: 1 },
  ]);
});

test("encodeMappings() writes a number beyond one digit as more digits", () => {
  const far = { generatedLine: 1, generatedColumn: 1000, sourceLine: 70_000, sourceColumn: 15 };
  assert.equal(encodeMappings([far]), ";w+BAg3oEe");
  assert.deepEqual(decodeMappings(encodeMappings([far])), [far]);
});

test("decodeMappings() refuses a foreign character and a number cut short", () => {
  assert.throws(() => decodeMappings("AA!A"), /"!" is no base64 digit/);
  assert.throws(() => decodeMappings("AAAg"), /ends inside a number/);
});

test("encodeSourceMap() names one source and carries no text", () => {
  assert.deepEqual(JSON.parse(encodeSourceMap("a/b.ts", [])), {
    version: 3,
    sources: ["a/b.ts"],
    names: [],
    mappings: "",
  });
});
