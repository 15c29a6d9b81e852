import assert from "node:assert/strict";
import { test } from "node:test";
import { element, escapeText, place } from "../../../bench/svg.ts";

test("element() rounds to a tenth, and lets no attribute end early", () => {
  assert.equal(element("use", { x: 1.26, href: 'a"b' }), '<use x="1.3" href="a&quot;b"/>');
  assert.equal(element("g", {}, "<a/>", "<b/>"), "<g><a/><b/></g>");
});

test("escapeText() leaves nothing that is markup", () => {
  assert.equal(escapeText('<a & "b">'), "&lt;a &amp; &quot;b&quot;&gt;");
});

test("place() gives each power of ten the same width, and puts what is off the scale at its end", () => {
  const scale = { min: 1, max: 100, from: 10, to: 30 };
  assert.deepEqual(
    [1, 10, 100].map((value) => place(scale, value)),
    [10, 20, 30],
  );
  assert.deepEqual(
    [-5, 0, 0.5, 1000, Infinity].map((value) => place(scale, value)),
    [10, 10, 10, 30, 30],
  );
});
