import assert from "node:assert/strict";
import { test } from "node:test";
import { orderIdentities } from "../../../../bootstrap/ssh2/identities.ts";

const key = (id: string, name: string): { readonly blob: Buffer; readonly name: string } => ({
  blob: Buffer.from(id),
  name,
});
const locked = { blob: undefined, name: "locked" };

test("keys of the agent that are named come first, then its others, then those in files only, each once", () => {
  const agent = [key("a", "agent a"), key("b", "agent b"), key("c", "agent c")];
  const files = [key("f", "file f"), key("b", "file b"), locked, key("f", "file f again")];
  const names = (only: boolean): string[] => orderIdentities(agent, files, only).map(({ name }) => name);
  assert.deepEqual(names(false), ["agent b", "agent a", "agent c", "file f", "locked"]);
  assert.deepEqual(names(true), ["agent b", "file f", "locked"]);
});
