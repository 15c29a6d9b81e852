import assert from "node:assert/strict";
import { test } from "node:test";
import {
  GRID,
  cellName,
  cellsOf,
  isPlainCable,
  linkSettings,
  matchesCell,
  measuredAs,
  parseCellName,
} from "../../../bench/link-cells.ts";
import type { GridSlice } from "../../../bench/link-cells.ts";

const ALL: GridSlice = { rttMs: [], mbitPerS: [], queueBdp: [], direction: [], loss: [] };

test("the grid has 144 cells, and their names say everything of them", () => {
  const cells = cellsOf(ALL);
  assert.equal(cells.length, 144);
  assert.equal(new Set(cells.map(cellName)).size, 144);
  for (const cell of cells) assert.deepEqual(parseCellName(cellName(cell)), cell);
  assert.equal(cellName(cells[0] ?? assert.fail()), "1ms 10mbit 1bdp up 0%");
  assert.equal(cellName(cells.at(-1) ?? assert.fail()), "200ms unlimited 10bdp both 0.1%");
});

test("parseCellName() refuses what is no name of a cell", () => {
  for (const name of ["", "40ms", "40ms 50mbit 10bdp sideways 0%", "40ms 50mbit 10bdp up 0% more"]) {
    assert.throws(() => parseCellName(name), RangeError);
  }
});

test("a slice has its own values and the grid's others", () => {
  const cells = cellsOf({ ...ALL, rttMs: [80], direction: ["both"] });
  assert.equal(cells.length, 144 / 9);
  assert.deepEqual(new Set(cells.map(({ rttMs }) => rttMs)), new Set([80]));
  assert.deepEqual(new Set(cells.map(({ mbitPerS }) => mbitPerS)), new Set(GRID.mbitPerS));
});

test("without a limit of the rate the queue makes no other measurement", () => {
  const measured = new Set(cellsOf(ALL).map((cell) => cellName(measuredAs(cell))));
  assert.equal(measured.size, 144 - 18);
});

test("the plain cable stands for the short link without a limit, unless packets are to be lost", () => {
  const plain = cellsOf(ALL).filter(isPlainCable).map(cellName);
  assert.deepEqual(
    plain,
    ["1bdp", "10bdp"].flatMap((queue) =>
      ["up", "down", "both"].map((direction) => `1ms unlimited ${queue} ${direction} 0%`),
    ),
  );
});

test("matchesCell() takes a star for any one word, and nothing else", () => {
  const name = "40ms 50mbit 10bdp up 0%";
  assert.ok(matchesCell(name, name));
  assert.ok(matchesCell("* 50mbit * up *", name));
  assert.ok(!matchesCell("*", name));
  assert.ok(!matchesCell("* 5* * up *", name));
  assert.ok(!matchesCell("200ms * * * *", name));
});

test("the losses of a cell are the same for all peers of a round, and others in the next", () => {
  const cell = parseCellName("40ms 50mbit 10bdp up 0.1%");
  assert.deepEqual(linkSettings(cell, 1), linkSettings({ ...cell }, 1));
  assert.notEqual(linkSettings(cell, 1).seed, linkSettings(cell, 2).seed);
  assert.notEqual(linkSettings(cell, 1).seed, linkSettings({ ...cell, direction: "down" }, 1).seed);
});
