import assert from "node:assert/strict";
import { test } from "node:test";
import { EXIT, SshuttleError } from "../../../bundler/error.ts";
import { LastLines } from "../../../client/last-lines.ts";
import { createLog } from "../../../client/log.ts";
import { reportError } from "../../../client/report-error.ts";
import { Undo } from "../../../client/undo.ts";

function gather(verbosity: number): { log: ReturnType<typeof createLog>; lines: string[] } {
  const lines: string[] = [];
  return { log: createLog(verbosity, (line) => lines.push(line)), lines };
}

test("createLog() prints up to its level, a prefix before each line", () => {
  const { log, lines } = gather(1);
  log(0, "one\ntwo\n");
  log(1, "three");
  log(2, "four");
  assert.deepEqual(lines, ["sshuttle: one\n", "sshuttle: two\n", "sshuttle: three\n"]);
});

test("LastLines gives completed lines, keeps the last, and cuts a line without end", () => {
  const lines = new LastLines();
  assert.deepEqual(lines.push("a\nb"), ["a"]);
  assert.deepEqual(lines.push("c\r\n\nd"), ["bc"]);
  assert.deepEqual(lines.last(2), ["bc", "d"]);
  const long = lines.push("x".repeat(10_000));
  assert.equal(long.join("").length, 10_001);
  assert.ok(long.every((line) => line.length <= 4096));
  for (let i = 0; i < 100; i++) lines.push(`${i}\n`);
  assert.equal(lines.last(1000).length, 20);
});

test("reportError() prints message and hint of our errors, the stack of others, and gives the exit status", () => {
  const { log, lines } = gather(0);
  assert.equal(reportError(new SshuttleError("x", EXIT.io, "Cannot x", { hint: "do y" }), log), 74);
  assert.deepEqual(lines.splice(0), ["sshuttle: Cannot x\n", "sshuttle:   do y\n"]);
  assert.equal(reportError(new TypeError("oops"), log), 70);
  assert.match(lines.join(""), /internal error: TypeError: oops\n.*log\.test\./);
});

test("Undo runs every step in reverse, and resolves with the first failure", async () => {
  const undo = new Undo();
  const ran: number[] = [];
  for (const step of [1, 2, 3]) {
    undo.push(async () => {
      ran.push(step);
      if (step === 2) throw new Error("step 2");
    });
  }
  const failure = await undo.run();
  assert.deepEqual(ran, [3, 2, 1]);
  assert.ok(failure instanceof Error && failure.message === "step 2");
  assert.equal(await undo.run(), undefined);
});

test("Undo runs a step at once that comes after the end", async () => {
  const undo = new Undo();
  await undo.run();
  let ran = false;
  undo.push(async () => {
    ran = true;
  });
  assert.equal(ran, true);
});
