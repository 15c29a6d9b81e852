import assert from "node:assert/strict";
import { test } from "node:test";
import { ResetCode } from "../../../../agent-src/wire/codes.ts";
import { parseDestination } from "../../../../client/doctor/destination.ts";
import { judgeDestination, judgeNamesThere } from "../../../../client/doctor/judge-destination.ts";
import type { Answer, Asked } from "../../../../client/doctor/judge-destination.ts";

const OPENED: Answer = { type: "opened", ms: 3.14 };
const SILENT: Answer = { type: "silent", ms: 10_000 };

const reset = (code: ResetCode, detail = ""): Answer => ({ type: "reset", code, detail });
const asked = (text: string, answer: Answer): Asked => ({ destination: parseDestination(text), answer });

test("a connection is ok, with its time", () => {
  assert.deepEqual(judgeDestination(asked("[2001:db8::1]:22", OPENED)), {
    step: "target",
    status: "ok",
    detail: "[2001:db8::1]:22: connected in 3.1 ms",
  });
});

test("every reason that a connect can fail of is a problem with a fix", () => {
  for (const [name, code] of Object.entries(ResetCode)) {
    const { status, detail, fix } = judgeDestination(
      asked("db:5432", reset(code, "because\u001b[2J\nof it")),
    );
    assert.equal(status, "problem", name);
    assert.match(detail, /^db:5432: .*\(because\\u\{1b\}\[2J \/ of it\)$/);
    assert.ok(fix, name);
  }
  assert.equal(judgeDestination(asked("db:5432", SILENT)).detail, "db:5432: no answer within 10 s");
});

test("a host that refuses is there: without a port that is all that was asked for", () => {
  const refused = reset(ResetCode.Refused);
  assert.equal(judgeDestination(asked("10.0.0.1", refused)).status, "ok");
  assert.equal(judgeDestination(asked("10.0.0.1:443", refused)).status, "problem");
});

test("a name is resolved however its connect ended, unless it was not found", () => {
  const notFound = asked("nobody.example", reset(ResetCode.NameNotFound));
  for (const answer of [OPENED, reset(ResetCode.Refused), reset(ResetCode.HostUnreachable)]) {
    const step = judgeNamesThere([notFound, asked("db.example", answer)]);
    assert.deepEqual([step?.status, step?.detail], ["ok", "the server resolves db.example"]);
  }
  assert.deepEqual(judgeNamesThere([asked("db.example", SILENT), notFound])?.status, "warning");
  assert.match(judgeNamesThere([asked("db.example", SILENT)])?.detail ?? "", /^cannot tell/);
});

test("addresses say nothing of names", () => {
  assert.equal(judgeNamesThere([asked("10.0.0.1", OPENED), asked("2001:db8::1", SILENT)]), undefined);
});
