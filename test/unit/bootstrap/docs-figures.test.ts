/** docs/bootstrap.md says what the code does: its command and its limits. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { COMMAND } from "../../../bootstrap/stage0.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const DOCUMENT = readFileSync(join(ROOT, "docs/bootstrap.md"), "utf8");

test("docs/bootstrap.md has the command as it is", () => {
  assert(DOCUMENT.includes(`\n    ${COMMAND}\n`));
});

test("docs/bootstrap.md has the limits as they are", () => {
  const rows = [...DOCUMENT.matchAll(/^\| `([A-Z_]+)` +\| (\d+) +\| `([^`]+)`/gm)];
  assert(rows.length > 4);
  for (const [, name = "", value = "", file = ""] of rows) {
    const source = readFileSync(join(ROOT, file), "utf8");
    const [, factors = ""] = new RegExp(`const ${name}(?:: number)? = ([\\d_ *]+);`).exec(source) ?? [];
    const product = factors.split("*").reduce((all, factor) => all * Number(factor.replaceAll("_", "")), 1);
    assert.equal(product, Number(value), name);
  }
});
