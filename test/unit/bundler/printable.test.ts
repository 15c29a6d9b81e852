import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { printable } from "../../../bundler/printable.ts";

test("printable() spells out what moves the cursor, retitles the window or turns the text around", () => {
  assert.equal(printable("\u001b[2J\u0007\r\u009b"), "\\u{1b}[2J\\u{7}\\u{d}\\u{9b}");
  assert.equal(printable("abc\u202etxt.exe\u2028"), "abc\\u{202e}txt.exe\\u{2028}");
});

test("printable() leaves tabs and letters of all scripts", () => {
  assert.equal(printable("a\tü — 語 🙂"), "a\tü — 語 🙂");
});

test("printable() leaves no control character in any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) =>
      /^[^\p{Cc}\p{Cf}]*$/u.test(printable(text).replaceAll("\t", "")),
    ),
  );
});
