import assert from "node:assert/strict";
import { test } from "node:test";
import { LabProcess, eventually } from "../../../lab/lab-process.ts";
import { familyOf, readProcess } from "../../../lab/process-table.ts";

test("output() finds what was said before and what is said later, on either stream", async () => {
  const child = new LabProcess(["sh", "-c", "echo first; read line; echo second $line >&2"]);
  assert.equal((await child.output(/fir(s)t/))[1], "s");
  const later = child.output(/^second (.*)$/m);
  child.stdin.write("word\n");
  assert.equal((await later)[1], "word");
  assert.equal((await child.output(/first/))[0], "first");
  assert.deepEqual(await child.end(), { code: 0, signal: null, stdout: "first\n", stderr: "second word\n" });
});

test("output() rejects with everything that was said, when the process ends first", async () => {
  const child = new LabProcess(["sh", "-c", "echo one; echo two >&2"]);
  await assert.rejects(child.output(/three/), /Cannot find \/three\/[^]*two[^]*one/);
});

test("output() and end() reject in time when nothing comes", async () => {
  const child = new LabProcess(["sh", "-c", "echo waiting; exec sleep 100"]);
  await assert.rejects(child.output(/never/, 50), /50 ms have passed/);
  await assert.rejects(child.end(50), /Still running after 50 ms/);
  child.kill("SIGKILL");
  assert.equal((await child.end()).signal, "SIGKILL");
});

test("end() rejects when the command cannot be started", async () => {
  await assert.rejects(new LabProcess(["/no/such/command"]).end(), /ENOENT/);
});

test("eventually() gives the first value, and names what did not come", async () => {
  let looks = 0;
  assert.equal(await eventually("the third look", () => ((looks += 1) === 3 ? "here" : undefined)), "here");
  await assert.rejects(
    eventually("godot", () => undefined, 30),
    /Not within 30 ms: godot/,
  );
});

test("familyOf() finds children of children, and readProcess() nobody who has ended", async () => {
  const child = new LabProcess(["sh", "-c", "sh -c 'sleep 100; true' & echo $!; wait"]);
  await child.output(/\d+\n/);
  const family = await eventually("sleep runs", () => {
    const found = familyOf(child.pid);
    return found.some(({ command }) => command === "sleep 100") ? found : undefined;
  });
  assert.equal(family.length, 3);
  assert.ok(family.every(({ residentBytes }) => residentBytes > 0));
  // Parents first: a shell whose child is gone would end by itself before its turn.
  for (const { pid } of family) process.kill(pid, "SIGKILL");
  await child.end();
  assert.equal(readProcess(child.pid), undefined);
});
