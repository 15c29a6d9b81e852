import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeAgent, judgeNoise } from "../../../../client/doctor/judge-agent.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("an agent that runs says of every step to it that it worked", () => {
  const steps = judgeAgent({
    peers: [
      { family: 4, address: "192.0.2.1", port: 22 },
      { family: 6, address: "2001:db8::1", port: 2222 },
    ],
    noise: new Uint8Array(),
    farSide: "node 20.20.2 on linux x64\u001b[2J",
    readyMs: 1234.5,
  });
  assert.ok(steps.every(({ status }) => status === "ok"));
  const details = new Map(steps.map(({ step, detail }) => [step, detail]));
  assert.equal(details.get("connection"), "to 192.0.2.1:22, [2001:db8::1]:2222");
  assert.equal(details.get("runtime"), "node 20.20.2 on linux x64\\u{1b}[2J");
  assert.match(details.get("agent") ?? "", /^ready 1235 ms after .*AllowTcpForwarding/);
});

test("silent rc files are ok", () => {
  assert.equal(judgeNoise(new Uint8Array()).status, "ok");
});

test("of noise the first line that is not empty is shown, harmless and cut short", () => {
  const { status, detail } = judgeNoise(bytes(`\r\n  \n\u001b]0;title\u0007${"x".repeat(100)}\nsecond\n`));
  assert.equal(status, "warning");
  assert.match(detail, /print 123 bytes on stdout.*the first line: "\\u\{1b\}\]0;title\\u\{7\}x+…"$/);
  assert.doesNotMatch(detail, /second/);
  assert.match(judgeNoise(bytes("x")).detail, /print 1 byte on stdout/);
});

test("noise that is no text is shown as far as it goes", () => {
  assert.match(judgeNoise(new Uint8Array([0xff, 0x0a, 0x00])).detail, /print 3 bytes .*"\ufffd"$/);
});
