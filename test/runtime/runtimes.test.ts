import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { RUNTIMES, runtimePath } from "../lab/runtimes.ts";
import type { RuntimeName } from "../lab/runtimes.ts";

/** How each says its version. */
const SAYS: Readonly<Record<RuntimeName, (version: string) => string>> = {
  node: (version) => `v${version}`,
  bun: (version) => version,
  deno: (version) => `deno ${version}`,
};

test("each pinned runtime is installed once and is the version that it says", async () => {
  for (const { pin, name, version } of RUNTIMES) {
    const [path, again] = await Promise.all([runtimePath(pin), runtimePath(pin)]);
    assert.equal(path, again);
    assert.equal(execFileSync(path, ["-v"], { encoding: "utf8" }).trim(), SAYS[name](version));
  }
});
