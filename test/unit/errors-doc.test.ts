import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BOOTSTRAP_ERRORS } from "../../bootstrap/errors.ts";
import { BUNDLE_ERRORS } from "../../bundler/errors.ts";
import { CLIENT_ERRORS } from "../../client/errors.ts";
import { FIREWALL_ERRORS } from "../../client/firewall/errors.ts";

const DOCUMENT = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");

test("docs/errors.md has a heading for every error code, and no other", () => {
  const headings = [...DOCUMENT.matchAll(/^## ([a-z0-9-]+)$/gm)].map(([, code]) => code);
  const codes = [BUNDLE_ERRORS, BOOTSTRAP_ERRORS, CLIENT_ERRORS, FIREWALL_ERRORS].flatMap((list) =>
    Object.keys(list),
  );
  assert.equal(headings.length, codes.length);
  assert.deepEqual(new Set(headings), new Set(codes));
});
