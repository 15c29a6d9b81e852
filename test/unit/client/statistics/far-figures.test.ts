import assert from "node:assert/strict";
import { test } from "node:test";
import type { LinkStats } from "../../../../agent-src/wire/stats.ts";
import { parseLinkStats } from "../../../../client/statistics/far-figures.ts";

const GOOD: LinkStats = {
  sentBytes: 2000,
  ackedBytes: 1000,
  receivedBytes: 500,
  capBytes: 16_384,
  queuedBytes: 7,
  bytesPerS: 6_250_000,
  minRttMs: 40.125,
  control: "cruise",
  connections: 3,
};

const parse = (text: string): LinkStats | undefined => parseLinkStats(Buffer.from(text));

test("parseLinkStats() reads what an agent says, with or without estimates, and leaves out what it does not know", () => {
  assert.deepEqual(parse(JSON.stringify(GOOD)), GOOD);
  const early: LinkStats = { ...GOOD, bytesPerS: null, minRttMs: null, control: "none" };
  assert.deepEqual(parse(JSON.stringify(early)), early);
  assert.deepEqual(parse(JSON.stringify({ ...GOOD, later: "\u001b[2J" })), GOOD);
});

test("parseLinkStats() takes numbers only where numbers are due, and none out of bounds", () => {
  const counts = ["sentBytes", "ackedBytes", "receivedBytes", "capBytes", "queuedBytes", "connections"];
  const bad: unknown[] = ["1", true, [], {}, -1, 0.5, 2 ** 53, 1e300];
  for (const name of [...counts, "bytesPerS", "minRttMs"]) {
    // A round trip may be a fraction.
    const values = name === "minRttMs" ? bad.filter((value) => value !== 0.5) : bad;
    for (const value of values)
      assert.equal(parse(JSON.stringify({ ...GOOD, [name]: value })), undefined, `${name}: ${String(value)}`);
    const { [name as keyof LinkStats]: _left, ...rest } = GOOD;
    assert.equal(parse(JSON.stringify(rest)), undefined, `without ${name}`);
    assert.equal(parse(JSON.stringify(GOOD).replace(/(?<="minRttMs":)[\d.]+/, "1e999")), undefined);
  }
  for (const name of counts) assert.equal(parse(JSON.stringify({ ...GOOD, [name]: null })), undefined, name);
  assert.equal(
    parse(JSON.stringify({ ...GOOD, ackedBytes: 2001 })),
    undefined,
    "more acknowledged than sent",
  );
  for (const control of ["", "CRUISE", "toString", "__proto__", 1, null, ["cruise"]])
    assert.equal(parse(JSON.stringify({ ...GOOD, control })), undefined, `control ${String(control)}`);
});

test("parseLinkStats() takes nothing but one JSON object", () => {
  for (const text of ["", "null", "3", '"x"', "[]", "{}", "{", `${JSON.stringify(GOOD)},`, "\0\xff"])
    assert.equal(parse(text), undefined, text);
});
