import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../../../client/errors.ts";
import { parseRunOptions } from "../../../../client/run/options.ts";
import type { RunOptions } from "../../../../client/run/options.ts";

const ENVIRONMENT = { HERE: "value here", EMPTY: "" };

function parsed(...argv: string[]): RunOptions {
  const options = parseRunOptions(argv, ENVIRONMENT);
  assert.ok(typeof options === "object");
  return options;
}

function refused(argv: string[], message: RegExp): void {
  assert.throws(
    () => parseRunOptions(argv, ENVIRONMENT),
    (error) => error instanceof UsageError && message.test(error.message),
    argv.join(" "),
  );
}

test("what follows the script is the program's, options and -- included", () => {
  const args = ["-r", "other", "--env=A=1", "--", "--help", "-", "", "-vv"];
  const options = parsed("-vr", "me@host:22", "script.ts", ...args);
  assert.equal(options.script, "script.ts");
  assert.deepEqual(options.args, args);
  assert.deepEqual(options.remote, { destination: "me@host", port: 22 });
  assert.equal(options.verbosity, 1);
  assert.deepEqual(options.env, {});
});

test("a -- before the script ends our options and is nobody's; one behind it is the program's", () => {
  const options = parsed("-r", "host", "--", "-script.ts", "--", "x");
  assert.equal(options.script, "-script.ts");
  assert.deepEqual(options.args, ["--", "x"]);
});

test("long options may be cut short before the script, with their value apart or not", () => {
  const options = parsed(
    "--rem",
    "host",
    "--ssh-co=/my/config",
    "--runtime=/opt/node",
    "--en",
    "A=1",
    "agent.tar",
    "--rem",
    "x",
  );
  assert.equal(options.remote?.destination, "host");
  assert.equal(options.sshConfig, "/my/config");
  assert.equal(options.runtime, "/opt/node");
  assert.deepEqual(options.env, { A: "1" });
  assert.equal(options.script, "agent.tar");
  assert.deepEqual(options.args, ["--rem", "x"]);
});

test("--env takes a value with any characters, or ours, or none if there is none; the last counts", () => {
  const argv = [
    "--env",
    "A=1",
    "--env",
    "HERE",
    "--env",
    "ABSENT",
    "--env",
    "EMPTY",
    "--env",
    "B=",
    "--env=A=2",
  ];
  const { env } = parsed(...argv, "s.ts");
  assert.deepEqual(env, { A: "2", HERE: "value here", EMPTY: "", B: "" });
  assert.equal(parsed("--env", "A=x=y\nz ", "s.ts").env["A"], "x=y\nz ");
});

test("a name that has a meaning to JavaScript is a name like any other", () => {
  assert.deepEqual(Object.entries(parsed("--env", "__proto__=1", "s.ts").env), [["__proto__", "1"]]);
});

test("an environment variable without a name, or with a NUL byte, is refused", () => {
  refused(["--env", "=x", "s.ts"], /it has no name/);
  refused(["--env", "", "s.ts"], /it has no name/);
  refused(["--env", "A=\0", "s.ts"], /a NUL byte/);
});

test("a script must be named", () => {
  refused([], /no script is named/);
  refused(["-r", "host"], /no script is named/);
  refused([""], /no script is named/);
});

test("an option of ours that is unknown, or lacks its value, is refused where it stands before the script", () => {
  refused(["--envy", "A=1", "s.ts"], /"--envy"/);
  refused(["-q", "s.ts"], /-q/);
  refused(["--env"], /--env/);
  assert.deepEqual(parsed("s.ts", "-q", "--envy").args, ["-q", "--envy"]);
});

test("-t is ours before the script", () => {
  assert.equal(parsed("-t", "s.ts").terminal, true);
  assert.equal(parsed("-vt", "--", "s.ts", "-t").terminal, true);
  assert.equal(parsed("s.ts", "-t").terminal, false);
});

test("without -r the program runs on this machine", () => {
  assert.equal(parsed("s.ts").remote, undefined);
});

test("--help is ours before the script", () => {
  assert.equal(parseRunOptions(["--help"], {}), "help");
  assert.equal(parseRunOptions(["-h", "s.ts"], {}), "help");
  assert.deepEqual(parsed("s.ts", "--help").args, ["--help"]);
});
