import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  GoAway,
  goAwayFrom,
  ResetCode,
  resetCodeFrom,
  resetCodeOf,
} from "../../../../agent-src/wire/codes.ts";
import { Frame, PAYLOAD_BYTES } from "../../../../agent-src/wire/frame.ts";
import { NEXT } from "../../../../agent-src/wire/channel.ts";

const README = readFileSync(new URL("../../../../../agent-src/wire/README.md", import.meta.url), "utf8");

test("a code that is not known is Internal", () => {
  for (const code of Object.values(ResetCode)) assert.equal(resetCodeFrom(code), code);
  for (const code of Object.values(GoAway)) assert.equal(goAwayFrom(code), code);
  assert.equal(resetCodeFrom(11), ResetCode.Internal);
  assert.equal(goAwayFrom(255), GoAway.Internal);
});

test("an errno has one reason, and an error without one is Internal", () => {
  const codes = [
    "ECONNREFUSED",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ETIMEDOUT",
    "ENOTFOUND",
    "ECONNRESET",
    "EMFILE",
  ];
  assert.deepEqual(
    codes.map((code) => resetCodeOf(Object.assign(new Error(code), { code }))),
    [1, 2, 3, 4, 5, 6, 7],
  );
  assert.equal(resetCodeOf(new Error("no code")), ResetCode.Internal);
});

test("the specification lists every code, frame and state that the code has, with the same numbers", () => {
  const rows = README.split("\n").map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const hasRow = (...cells: readonly string[]): boolean =>
    rows.some((row) => cells.every((cell, i) => row[i] === cell));
  for (const codes of [ResetCode, GoAway])
    for (const [name, code] of Object.entries(codes))
      assert.ok(hasRow(String(code), name), `${code} ${name}`);
  for (const [name, type] of Object.entries(Frame)) {
    const [least, most] = PAYLOAD_BYTES[type] ?? [0, 0];
    const bytes = least === most ? String(most) : `${least} to ${most.toLocaleString("en")}`;
    const title = name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
    assert.ok(hasRow(String(type), title, type < 16 ? "0" : "not 0", bytes), `${type} ${title} ${bytes}`);
  }
  const steps = [
    "send-opened",
    "receive-opened",
    "send-data",
    "receive-data",
    "send-end",
    "receive-end",
    "reset",
  ];
  for (const [state, next] of Object.entries(NEXT)) {
    if (state === "closed") continue;
    const row = rows.find((cells) => cells[0] === state);
    const targets = new Map<string, string>(Object.entries(next));
    const cells = steps.map((step) => targets.get(step) ?? "–").map((to) => (to === state ? "same" : to));
    assert.deepEqual(row?.slice(2), cells, state);
  }
});
