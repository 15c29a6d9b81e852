import assert from "node:assert/strict";
import { test } from "node:test";
import { BOOTSTRAP_ERRORS, BootstrapError } from "../../../../bootstrap/errors.ts";
import type { BootstrapErrorCode } from "../../../../bootstrap/errors.ts";
import { explainFailure } from "../../../../bootstrap/failure.ts";
import { ClientError } from "../../../../client/errors.ts";
import { judgeLaunchFailure } from "../../../../client/doctor/judge-launch.ts";
import { STEP_NAMES } from "../../../../client/doctor/step.ts";
import type { StepName } from "../../../../client/doctor/step.ts";

function stepsOf(code: BootstrapErrorCode, hasPrinted = false): readonly StepName[] {
  const error = new BootstrapError(code, "Cannot do it", { hint: "do it by hand" });
  const steps = judgeLaunchFailure({ error, hasPrinted });
  assert.deepEqual(
    steps.map(({ status }) => status),
    [...steps.slice(1).map(() => "ok"), "problem"],
  );
  const last = steps.at(-1);
  assert.equal(last?.detail, "Cannot do it");
  assert.match(last?.fix ?? "", /^do it by hand/);
  return steps.map(({ step }) => step);
}

const LOGIN = ["connection", "host-key", "authentication"] as const;

for (const [code, expected] of [
  ["ssh-unreachable", ["connection"]],
  ["ssh-unresolved", ["connection"]],
  ["ssh-host-key", ["connection", "host-key"]],
  ["ssh-authentication", LOGIN],
  ["shell-refused", [...LOGIN, "login-shell"]],
  ["noise-limit", [...LOGIN, "login-shell", "noise"]],
  ["runtime-missing", [...LOGIN, "login-shell", "runtime"]],
  ["upload-truncated", [...LOGIN, "login-shell", "runtime", "agent"]],
] as const) {
  test(`${code} is a problem of the step "${expected.at(-1)}", and all before it have worked`, () => {
    assert.deepEqual(stepsOf(code), expected);
  });
}

test("a runtime that would be uploaded is a warning, and no problem", () => {
  const upload = {
    file: { name: "node", version: "20.20.2", bytes: 98_932_688 },
    folder: "/home/x",
  } as const;
  const error = new BootstrapError("runtime-missing", "Cannot do it");
  const last = judgeLaunchFailure({ error, hasPrinted: false, upload }).at(-1);
  assert.deepEqual([last?.step, last?.status], ["runtime", "warning"]);
  assert.match(
    last?.detail ?? "",
    /none there; node 20\.20\.2 \(98\.9 MB, .* would be uploaded to \/home\/x$/,
  );
});

test("what may fail early or late says nothing of the steps before", () => {
  assert.deepEqual(stepsOf("ssh-failed"), ["connection"]);
  assert.deepEqual(stepsOf("far-side-silent"), ["authentication"]);
  assert.deepEqual(stepsOf("far-side-killed"), ["agent"]);
});

test("a silence after something was printed is one of the login shell: the login is behind us", () => {
  assert.deepEqual(stepsOf("far-side-silent", true), [...LOGIN, "login-shell"]);
});

test("every code of the bootstrap leads to steps in the order of the way, the failed one last", () => {
  for (const code of Object.keys(BOOTSTRAP_ERRORS)) {
    const order = stepsOf(code as BootstrapErrorCode).map((step) => STEP_NAMES.indexOf(step));
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
      code,
    );
  }
});

test("an agent that breaks the protocol is a problem of the agent", () => {
  const error = new ClientError("peer-protocol", "Cannot go on", {});
  const steps = judgeLaunchFailure({ error, hasPrinted: true });
  assert.deepEqual(steps.at(-1), { step: "agent", status: "problem", detail: "Cannot go on" });
  assert.equal(steps.length, 6);
});

test("what the far side said is in one line, and cannot move the cursor", () => {
  const error = explainFailure({
    description: "ssh host",
    mark: "0".repeat(32),
    code: 255,
    signal: null,
    stderr: "first\u001b[2J\r\nsecond\u202e\r\nroot@host: Permission denied (publickey).\r\n",
    noise: new Uint8Array(),
    timedOut: false,
  });
  const detail = judgeLaunchFailure({ error, hasPrinted: false }).at(-1)?.detail ?? "";
  assert.equal(
    detail,
    "Cannot log in by ssh host, its words: first\\u{1b}[2J / second\\u{202e} / root@host: Permission denied (publickey).",
  );
});

test("where a runtime is missing, the way without one is named", () => {
  const error = new BootstrapError("runtime-missing", "Cannot find it", { hint: "install one" });
  assert.match(
    judgeLaunchFailure({ error, hasPrinted: false }).at(-1)?.fix ?? "",
    /^install one; --no-agent /,
  );
});
