import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseTcpMemory } from "../../../bench/tcp-memory.ts";

const HEAD = `protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em
TCPv6     2464      0   385010   yes    320   yes  kernel      y  y  y  y  y  y  y  y  y  y  y  y  y  n  y  y  y  y  y
`;

test("parseTcpMemory() reads the row of TCP alone", () => {
  const row = (memory: string): string =>
    `${HEAD}TCP       2304      1  ${memory}    192   yes  kernel      y  y\n`;
  assert.deepEqual(parseTcpMemory(row("387428   yes")), { pages: 387_428, isPressed: true });
  assert.deepEqual(parseTcpMemory(row("  5657   no ")), { pages: 5657, isPressed: false });
  assert.deepEqual(parseTcpMemory(HEAD), { pages: 0, isPressed: false });
});

test("the kernel's own table has a row that it can read", () => {
  assert.match(readFileSync("/proc/net/protocols", "utf8"), /^TCP +\d+ +\d+ +-?\d+ +(yes|no) /m);
});
