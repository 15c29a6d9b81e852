import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseDoctorOptions } from "../../../../client/doctor/options.ts";
import { formatJson, formatStep, formatSummary } from "../../../../client/doctor/report.ts";
import { STEP_NAMES, okay, problem, warning } from "../../../../client/doctor/step.ts";
import type { Step } from "../../../../client/doctor/step.ts";

const MAIN = fileURLToPath(new URL("../../../../client/main.js", import.meta.url));
const PAGE = readFileSync(new URL("../../../../../docs/doctor.md", import.meta.url), "utf8");

const STEPS: readonly Step[] = [
  okay("ssh", "OpenSSH_9.2p1"),
  warning("noise", "printed:\n  much\u0007", "be\nsilent"),
  problem("runtime", "none"),
];

test("a step is a line, and its fix another below its detail", () => {
  assert.deepEqual(STEPS.map(formatStep), [
    "ok       ssh             OpenSSH_9.2p1\n",
    "warning  noise           printed: much\\u{7}\n                         fix: be / silent\n",
    "problem  runtime         none\n",
  ]);
});

test("the last line counts", () => {
  assert.equal(formatSummary(STEPS, 1234), "1 ok, 1 warning, 1 problem in 1.2 s\n");
  assert.equal(formatSummary([], 0), "0 ok, 0 warnings, 0 problems in 0.0 s\n");
});

test("the JSON is one object, with the steps as they are", () => {
  assert.deepEqual(JSON.parse(formatJson(STEPS, 1234.5)), {
    steps: STEPS,
    warnings: 1,
    problems: 1,
    ms: 1235,
  });
});

test("docs/doctor.md lists every step, in the order of the way, and no other", () => {
  const listed = [...PAGE.matchAll(/^\| `([a-z-]+)` +\|/gm)].map(([, name]) => name);
  assert.deepEqual(listed, [...STEP_NAMES]);
});

test("parseDoctorOptions() tells subnets from targets by the slash", () => {
  const options = parseDoctorOptions(["-r", "host", "10.0.0.0/8", "db:5432", "--json", "-vv", "::/0"]);
  assert.ok(options !== "help");
  assert.deepEqual(
    options.destinations.map(({ host }) => host),
    ["db"],
  );
  assert.equal(options.subnets.length, 2);
  assert.deepEqual([options.json, options.verbosity], [true, 2]);
  assert.equal(parseDoctorOptions(["-h"]), "help");
});

test("a target without a server that could reach it is refused, and so is what is none", () => {
  assert.throws(() => parseDoctorOptions(["db:5432"]), { code: "usage", hint: /-r user@host/ });
  assert.throws(() => parseDoctorOptions(["-r", "host", "a b"]), { code: "usage" });
  assert.throws(() => parseDoctorOptions(["-r", "host", "10/99"]), { code: "usage" });
});

test("doctor --help is its own page; a wrong command line ends with 64", () => {
  const help = spawnSync(process.execPath, [MAIN, "doctor", "--help"], { encoding: "utf8" });
  assert.equal(help.status, 0);
  assert.match(help.stdout, /^Usage: sshuttle doctor /);
  const wrong = spawnSync(process.execPath, [MAIN, "doctor", "--transprot"], { encoding: "utf8" });
  assert.equal(wrong.status, 64);
  assert.match(wrong.stderr, /did you mean --transport\?/);
});
