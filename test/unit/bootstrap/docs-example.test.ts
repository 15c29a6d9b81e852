import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../../..", import.meta.url));

test("the example of docs/bootstrap.md runs as it stands there", () => {
  const page = readFileSync(`${PROJECT}/docs/bootstrap.md`, "utf8");
  const example = /```ts\n(.*?)```/s.exec(page)?.[1] ?? "";
  assert.ok(example.split("\n").length < 30);
  // Inside the project, so that it finds the package by its own name.
  const folder = mkdtempSync(`${PROJECT}/dist/example-`);
  try {
    writeFileSync(`${folder}/example.mjs`, example);
    writeFileSync(`${folder}/program.ts`, "console.log(process.argv.slice(2)); process.exitCode = 7;\n");
    const { status, stdout, stderr } = spawnSync(process.execPath, ["example.mjs", "program.ts"], {
      cwd: folder,
      encoding: "utf8",
    });
    assert.equal(stdout, "[ 'one', 'two' ]\n", stderr);
    assert.equal(status, 7);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
