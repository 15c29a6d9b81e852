/**
 * Connections that break on the way to ready, by a real sshd: the error says where, in bounded time, and on neither
 * side a process is left.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import { createLab } from "../lab/lab.ts";
import { eventually } from "../lab/lab-process.ts";
import { addressOf } from "../lab/layout.ts";
import type { LoginOutcome } from "../lab/login-situations.ts";

const lab = await createLab();
after(() => lab.close());

/** launch-once.ts waits for so long at most; the rest is for its own start and end. */
const BOUND_MS = 15_000;
const PROXY = `node ${PROJECT_IN_LAB}/dist/test/lab/cutting-proxy.js ${addressOf("server", "client").v4} 22`;

/** Bytes from the client until it was ready, of a launch that nothing happened to. */
let whole = 0;
/** Of these, about, what begins with the line: 1.3 KB of it, 2 KB of stage 2, 6 KB of modules, and the end of the session. */
const UPLOAD_BYTES = 9500;

interface Fault {
  readonly bytes: number;
  readonly how: "reset" | "stall" | "count";
}

async function launchThrough({ bytes, how }: Fault): Promise<LoginOutcome & { readonly ms: number }> {
  const file = join(lab.directory, "counted");
  const proxy = `ProxyCommand=${PROXY} ${bytes} ${how} ${file}`;
  const script = `${PROJECT_IN_LAB}/dist/test/lab/launch-once.js`;
  const startMs = performance.now();
  const { stdout, stderr } = await lab.client.run(
    ["node", script, lab.sshConfig, "server", "22", "", proxy],
    { timeoutMs: BOUND_MS },
  );
  assert.notEqual(stdout, "", stderr);
  return { ...(JSON.parse(stdout) as LoginOutcome), ms: performance.now() - startMs };
}

/** What a login made there, and what ssh and the launch made here. */
async function assertNoneLeft(): Promise<void> {
  const left = (): string[] =>
    [...lab.server.processes(), ...lab.client.processes()]
      .map(({ command }) => command)
      .filter((command) => /sshd: (?!.*listener)|IFS= read|node -e|launch-once|cutting-proxy/.test(command));
  await eventually("nothing is left", () => (left().length === 0 ? true : undefined)).catch(() => undefined);
  assert.deepEqual(left(), []);
}

before(async () => {
  const { outcome } = await launchThrough({ bytes: 0, how: "count" });
  assert.equal(outcome, "ok");
  whole = Number(readFileSync(join(lab.directory, "counted"), "utf8").trim().split("\n").at(-1));
  assert.ok(whole > UPLOAD_BYTES + 2000, String(whole));
});

/** From the end of what is sent. */
const PLACES: Readonly<Record<string, (all: number) => number>> = {
  "before the login is through": () => 1500,
  "within the line": (all) => all - UPLOAD_BYTES + 600,
  "within stage 2": (all) => all - UPLOAD_BYTES + 2200,
  "within the modules": (all) => all - UPLOAD_BYTES + 5500,
};

for (const [place, bytesOf] of Object.entries(PLACES)) {
  test(`a connection that is cut ${place} is told, and nothing is left`, async () => {
    const { outcome, message, ms } = await launchThrough({ bytes: bytesOf(whole), how: "reset" });
    assert.equal(outcome, "ssh-failed", message);
    assert.match(message, /before it was ready|kex_exchange_identification|Connection/, message);
    assert.ok(ms < BOUND_MS);
    await assertNoneLeft();
  });
}

test("a connection that stalls is given up, and what waits there ends with it", async () => {
  const { outcome, message } = await launchThrough({ bytes: whole - UPLOAD_BYTES + 5500, how: "stall" });
  assert.equal(outcome, "far-side-silent", message);
  await assertNoneLeft();
});
