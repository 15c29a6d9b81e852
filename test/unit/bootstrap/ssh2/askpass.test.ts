import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { askByProgram, chooseAskWay } from "../../../../bootstrap/ssh2/askpass.ts";

const directory = mkdtempSync(join(tmpdir(), "askpass-"));
after(() => rmSync(directory, { recursive: true }));
const program = join(directory, "askpass");
const script = (text: string): void => {
  writeFileSync(program, `#!/bin/sh\n${text}\n`);
  chmodSync(program, 0o755);
};

/** As a table of ssh(1): SSH_ASKPASS_REQUIRE, a display, a terminal, and who is asked then. */
for (const [required, display, terminal, kind] of [
  [undefined, false, true, "terminal"],
  [undefined, true, true, "terminal"],
  [undefined, true, false, "askpass"],
  [undefined, false, false, "none"],
  ["never", true, false, "none"],
  ["never", true, true, "terminal"],
  ["prefer", true, true, "askpass"],
  ["prefer", false, true, "terminal"],
  ["force", false, true, "askpass"],
] as const) {
  test(`SSH_ASKPASS_REQUIRE ${required ?? "unset"}, display ${display}, terminal ${terminal}: ${kind}`, () => {
    const environment = {
      SSH_ASKPASS: program,
      SSH_ASKPASS_REQUIRE: required,
      DISPLAY: display ? ":0" : undefined,
    };
    assert.equal(chooseAskWay(environment, () => terminal).kind, kind);
  });
}

test("askByProgram() takes the first line of the program's answer", async () => {
  script('echo "answer to $1"; echo more');
  assert.equal(await askByProgram(program, "q", new AbortController().signal), "answer to q");
});

test("askByProgram() has no answer if the program refuses, is missing, or is stopped", async () => {
  const { signal } = new AbortController();
  script("echo no; exit 1");
  assert.equal(await askByProgram(program, "q", signal), undefined);
  assert.equal(await askByProgram(join(directory, "absent"), "q", signal), undefined);
  script("exec sleep 60");
  const stop = new AbortController();
  const answer = askByProgram(program, "q", stop.signal);
  stop.abort();
  assert.equal(await answer, undefined);
});
