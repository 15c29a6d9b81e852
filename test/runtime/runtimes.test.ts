import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { RUNTIMES, runtimePath } from "../lab/runtimes.ts";

test("each pinned runtime is installed once and is the version that it says", async () => {
  for (const version of RUNTIMES) {
    const [path, again] = await Promise.all([runtimePath(version), runtimePath(version)]);
    assert.equal(path, again);
    assert.equal(execFileSync(path, ["--version"], { encoding: "utf8" }).trim(), `v${version}`);
  }
});
