import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { othersShare, parseStatTicks, readTicks } from "../../../bench/others.ts";

test("parseStatTicks() counts what is stolen as busy, and guests once", () => {
  assert.deepEqual(parseStatTicks("cpu  1 2 4 100 200 8 16 32 1 2"), { all: 363, busy: 63 });
});

test("othersShare() is what was busy and not ours, of all that there was", () => {
  const start = { all: 1000, busy: 400, ours: 100 };
  assert.equal(othersShare(start, { all: 1200, busy: 500, ours: 150 }), 0.25);
  assert.equal(othersShare(start, start), 0);
});

test("what a child of ours takes is ours, that of its own children as well, and stays so when they have ended", async () => {
  const before = readTicks().ours;
  const child = spawn("sh", ["-c", "(while :; do :; done) & sleep 1; kill $!; wait; read line"], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  await sleep(900);
  const meanwhile = readTicks().ours;
  // A second of one processor are 100; little of it is left where many files run side by side.
  assert.ok(meanwhile - before >= 5, `${meanwhile - before} ticks`);
  child.stdin.end("now\n");
  await once(child, "close");
  assert.ok(readTicks().ours >= meanwhile);
});
