import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";

const RUNNER = join(import.meta.dirname, "../../run.js");
const scratch = mkdtempSync(join(tmpdir(), "sshuttle-runner-"));
after(() => rmSync(scratch, { recursive: true }));

interface Run {
  readonly status: number | null;
  readonly output: string;
  readonly lastLine: string | undefined;
}

let roots = 0;

/** Runs the runner on a tree of test files; in each body `test` and `assert` are at hand. */
function runOn(files: Readonly<Record<string, string>>, args: readonly string[] = [], ci = ""): Run {
  const root = join(scratch, String((roots += 1)));
  mkdirSync(root);
  writeFileSync(join(root, "package.json"), `{"type":"module"}`);
  for (const [path, body] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    const head = `import { test } from "node:test"; import assert from "node:assert/strict";\n`;
    writeFileSync(join(root, path), head + body);
  }
  // Without the mark of node:test, or the runner would take itself for a test file's child.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUNNER, "--root", root, ...args], {
    encoding: "utf8",
    env: { ...env, CI: ci },
  });
  return { status, output: stdout + stderr, lastLine: stdout.trimEnd().split("\n").at(-1) };
}

const PASSES = `test("two and two are four", () => assert.equal(2 + 2, 4));`;

test("the runner counts the tests of every suite and ends with 0 when all passed", () => {
  const run = runOn({ "unit/a.test.js": PASSES, "property/deep/b.test.js": PASSES, "pair/c.js": "broken(" });
  assert.equal(run.lastLine, "2 passed, 0 failed, 0 skipped");
  assert.equal(run.status, 0);
});

test("a failing test makes the runner fail and is shown with its stack", () => {
  const run = runOn({ "unit/a.test.js": `${PASSES}\ntest("off by one", () => assert.equal(1, 2));` });
  assert.equal(run.lastLine, "1 passed, 1 failed, 0 skipped");
  assert.equal(run.status, 1);
  assert.match(run.output, /✖ off by one[^]*a\.test\.js:3:/);
});

test("an empty suite makes the runner fail", () => {
  const run = runOn({ "unit/README": "" });
  assert.equal(run.lastLine, "0 passed, 0 failed, 0 skipped");
  assert.equal(run.status, 1);
});

test("a file without a test makes the runner fail", () => {
  const run = runOn({ "unit/a.test.js": PASSES, "unit/b.test.js": "" });
  assert.match(run.output, /no test in this file/);
  assert.equal(run.status, 1);
});

test("skipped and todo tests are counted, and fail the run only under CI", () => {
  const files = { "unit/a.test.js": `${PASSES}\ntest.skip("no root", () => {});\ntest.todo("later");` };
  for (const [ci, status] of [
    ["", 0],
    ["false", 0],
    ["true", 1],
    ["1", 1],
  ] as const) {
    const run = runOn(files, [], ci);
    assert.equal(run.lastLine, "1 passed, 0 failed, 2 skipped", `CI=${ci}`);
    assert.equal(run.status, status, `CI=${ci}`);
  }
});

test("a file that throws while loading makes the runner fail", () => {
  const run = runOn({ "unit/a.test.js": PASSES, "unit/b.test.js": `throw new Error("no such fixture");` });
  assert.match(run.output, /no such fixture/);
  assert.equal(run.lastLine, "1 passed, 1 failed, 0 skipped");
  assert.equal(run.status, 1);
});

test("a file that exits with 0 before its last test makes the runner fail", () => {
  const wait = `test("waits", () => new Promise((done) => { setTimeout(done, 100); }));`;
  const run = runOn({
    "unit/a.test.js": `${PASSES}\n${wait}\ntest("leaves", () => process.exit(0));\n${PASSES}`,
  });
  assert.match(run.output, /tests never reported|no test in this file/);
  assert.equal(run.status, 1);
});

test("a file whose process is killed makes the runner fail", () => {
  const run = runOn({ "unit/a.test.js": `test("dies", () => process.kill(process.pid, "SIGKILL"));` });
  assert.match(run.output, /ended with SIGKILL/);
  assert.equal(run.status, 1);
});

test("an error thrown after the last test makes the runner fail", () => {
  const late = `setTimeout(() => { throw new Error("too late"); }, 50);`;
  const run = runOn({ "unit/a.test.js": `${PASSES}\n${late}` });
  assert.match(run.output, /too late/);
  assert.equal(run.status, 1);
});

test("a failing test inside a suite is counted once", () => {
  const body = `import { describe, it } from "node:test";
    describe("numbers", () => { it("add", () => {}); it("do not add", () => assert.fail("no")); });`;
  assert.equal(runOn({ "unit/a.test.js": body }).lastLine, "1 passed, 1 failed, 0 skipped");
});

test("a path and --grep select tests, and selecting nothing is a failure", () => {
  const files = {
    "unit/a.test.js": `${PASSES}\ntest("other", () => assert.fail());`,
    "unit/b.test.js": `test("third", () => assert.fail());`,
  };
  const some = runOn(files, ["unit/a", "--grep", "four"]);
  assert.equal(some.lastLine, "1 passed, 0 failed, 0 skipped");
  assert.equal(some.status, 0);
  const none = runOn(files, ["--grep", "no such title"]);
  assert.equal(none.lastLine, "0 passed, 0 failed, 0 skipped");
  assert.equal(none.status, 1);
});

test("an error of the runner itself ends with a status of its own", () => {
  const run = runOn({ "unit/a.test.js": PASSES }, ["--no-such-option"]);
  assert.equal(run.status, 70);
});
