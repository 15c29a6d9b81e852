import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parsePressure } from "../../../bench/tcp-memory.ts";

const HEAD = `protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em
TCPv6     2464      0   385010   yes    320   yes  kernel      y  y  y  y  y  y  y  y  y  y  y  y  y  n  y  y  y  y  y
`;

test("parsePressure() reads the row of TCP alone", () => {
  assert.ok(parsePressure(`${HEAD}TCP       2304      1  387428   yes    192   yes  kernel      y  y\n`));
  assert.ok(!parsePressure(`${HEAD}TCP       2304      1    5657   no     192   yes  kernel      y  y\n`));
  assert.ok(!parsePressure(HEAD));
});

test("the kernel's own table has a row that it can read", () => {
  assert.match(readFileSync("/proc/net/protocols", "utf8"), /^TCP +\d+ +\d+ +-?\d+ +(yes|no) /m);
});
