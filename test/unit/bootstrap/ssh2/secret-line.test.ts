import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_SECRET_BYTES, SecretLine } from "../../../../bootstrap/ssh2/secret-line.ts";

function type(text: string): unknown {
  const line = new SecretLine();
  for (const byte of Buffer.from(text)) {
    const event = line.push(Uint8Array.of(byte));
    if (event.kind !== "more") return event.kind === "line" ? event.text : event;
  }
  return undefined;
}

test("a line ends at Enter, whichever of the two bytes that sends", () => {
  assert.equal(type("secret\r"), "secret");
  assert.equal(type("secret\n"), "secret");
  assert.equal(type("secret"), undefined);
  assert.equal(type("\r"), "");
});

test("Backspace takes one character back, of however many bytes; Ctrl-U takes all", () => {
  assert.equal(type("ab\u007fc\r"), "ac");
  assert.equal(type("aü€😀\u007f\u007f\u0008b\r"), "ab");
  assert.equal(type("\u007f\u007fx\r"), "x");
  assert.equal(type("wrong\u0015right\r"), "right");
});

test("Ctrl-D ends what was typed, and alone is the end", () => {
  assert.equal(type("secret\u0004"), "secret");
  assert.deepEqual(type("\u0004"), { kind: "end" });
});

test("Ctrl-C, Ctrl-\\ and Ctrl-Z make their signals and forget what was typed", () => {
  assert.deepEqual(type("abc\u0003"), { kind: "signal", signal: "SIGINT" });
  assert.deepEqual(type("\u001c"), { kind: "signal", signal: "SIGQUIT" });
  const line = new SecretLine();
  assert.deepEqual(line.push(Buffer.from("old\u001a")), { kind: "signal", signal: "SIGTSTP" });
  assert.deepEqual(line.push(Buffer.from("new\r")), { kind: "line", text: "new" });
});

test(`a line keeps its first ${MAX_SECRET_BYTES} bytes`, () => {
  assert.equal(String(type(`${"x".repeat(MAX_SECRET_BYTES + 1)}\r`)).length, MAX_SECRET_BYTES);
});
