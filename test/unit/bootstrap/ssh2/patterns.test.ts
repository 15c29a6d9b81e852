import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesPattern, matchesPatternList } from "../../../../bootstrap/ssh2/patterns.ts";

test("matchesPattern() takes * for any run, ? for one character, and all else for itself", () => {
  const fits = (pattern: string, text: string): boolean => matchesPattern(pattern, text);
  assert.ok(fits("*", ""));
  assert.ok(fits("a*c", "abc") && fits("a*c", "ac") && fits("*.*.b", "x.y.z.b"));
  assert.ok(fits("a?c", "abc") && !fits("a?c", "ac"));
  assert.ok(!fits("a.c", "abc") && !fits("a", "ab") && !fits("", "a"));
});

test("matchesPattern() answers a hostile pattern at once", () => {
  assert.equal(matchesPattern(`${"*a".repeat(40)}b`, "a".repeat(4000)), false);
});

test("matchesPatternList() lets a negated pattern win, and never fits by negated ones alone", () => {
  assert.ok(matchesPatternList(["*", "b"], "a"));
  assert.ok(!matchesPatternList(["*", "!a"], "a") && !matchesPatternList(["!a", "*"], "a"));
  assert.ok(!matchesPatternList(["!b"], "a"));
});
