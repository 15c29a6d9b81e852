import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { spawnChild } from "../../../bootstrap/child-transport.ts";
import { localTransport } from "../../../bootstrap/local.ts";
import type { Transport } from "../../../bootstrap/transport.ts";
import { SshuttleError } from "../../../bundler/error.ts";
import { readAgentBundle } from "../../../client/agent-bundle.ts";
import { createLog } from "../../../client/log.ts";
import { openTunnel } from "../../../client/tunnel.ts";
import type { Tunnel } from "../../../client/tunnel.ts";
import type { LinkStats } from "../../../agent-src/wire/stats.ts";

const HOSTILE = fileURLToPath(new URL("hostile-far-side.js", import.meta.url));

function hostile(behaviour: string): Transport {
  return {
    description: "the far side",
    spawn: () => spawnChild(process.execPath, [HOSTILE, behaviour]),
  };
}

/** The far side is there, or the link is over: either way it answers at once. */
const LONG_MS = 60_000;

async function open(transport: Transport, lines: string[] = []): Promise<Tunnel> {
  const log = createLog(0, (line) => lines.push(line));
  return openTunnel({ transport, bundle: await readAgentBundle(), log, verbosity: 0 });
}

async function assertFails(behaviour: string, code: string, message: RegExp): Promise<void> {
  await assert.rejects(open(hostile(behaviour)), (error) => {
    assert.ok(error instanceof SshuttleError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

test("a far side that speaks another protocol is a protocol error, and never a crash", async () => {
  await assertFails(
    `say(Array.from("HTTP/1.1 400 Bad Request\\r\\n\\r\\n", (c) => c.charCodeAt(0)))`,
    "peer-protocol",
    /the far side/,
  );
  await assertFails("say(Array(100).fill(0))", "peer-protocol", /the far side/);
  await assertFails("say(Array(100000).fill(255))", "peer-protocol", /the far side/);
});

test("a far side that ends after ready is a lost link, with its last words and status", async () => {
  await assertFails(
    `complain("disk full\\n"); setTimeout(() => process.exit(3), 50)`,
    "link-lost",
    /exit status 3.*disk full/s,
  );
});

test("what the far side writes on stderr cannot move the terminal's cursor", async () => {
  const lines: string[] = [];
  await assert.rejects(
    open(hostile(`complain("\\u001b[2Jgone\\n"); setTimeout(() => process.exit(3), 50)`), lines),
  );
  assert.ok(lines.some((line) => line.includes("gone")));
  assert.ok(lines.every((line) => !line.includes("\u001b")));
});

test("close() ends the agent, and lost stays silent", async () => {
  const tunnel = await open(localTransport());
  let lost: unknown;
  void tunnel.lost.then((error) => (lost = error));
  assert.match(tunnel.farSide, /^node \d+/);
  await tunnel.close();
  assert.throws(() => process.kill(tunnel.pid ?? 0, 0), { code: "ESRCH" });
  assert.equal(lost, undefined);
});

test("an agent that is killed is a lost link that names the signal", async () => {
  const tunnel = await open(localTransport());
  const killer = spawn("kill", ["-9", String(tunnel.pid)]);
  killer.unref();
  const error = await tunnel.lost;
  assert.equal(error.code, "link-lost");
  assert.match(error.message, /SIGKILL/);
});

test("figures() has both halves of the link, and counts what the intakes open", async () => {
  const tunnel = await open(localTransport());
  const far = async (): Promise<LinkStats> => (await tunnel.figures(LONG_MS)).far ?? (await far());
  assert.notEqual((await far()).control, "none");
  const channel = tunnel.open({ kind: "tcp", host: "127.0.0.1", port: 9 });
  assert.equal(tunnel.counts.opened, 1);
  const { near } = await tunnel.figures(LONG_MS);
  assert.ok(near.sentBytes > 0 && near.receivedBytes > 0);
  channel.reset();
  await tunnel.close();
  const { near: last, far: nothing } = await tunnel.figures(LONG_MS);
  assert.equal(nothing, undefined);
  assert.ok(last.sentBytes >= near.sentBytes);
});

test("a fixed flight is what both halves have, and neither has control then", async () => {
  const bundle = await readAgentBundle();
  const flightBytes = 32_768;
  const tunnel = await openTunnel({
    transport: localTransport(),
    bundle,
    log: () => {},
    verbosity: 0,
    flightBytes,
  });
  let figures = await tunnel.figures(LONG_MS);
  while (figures.far === undefined) figures = await tunnel.figures(LONG_MS);
  for (const half of [figures.near, figures.far]) {
    assert.deepEqual([half.capBytes, half.control], [flightBytes, "none"]);
  }
  await tunnel.close();
});

test("the agent asks for its link control when it is at work, once", async () => {
  const lines: string[] = [];
  const log = createLog(2, (line) => lines.push(line));
  const bundle = await readAgentBundle();
  const tunnel = await openTunnel({ transport: localTransport(), bundle, log, verbosity: 2 });
  while (!lines.some((line) => line.includes("asks for")) || !tunnel.isFlushed())
    await new Promise(setImmediate);
  // Its answer says that the agent has what was sent before.
  await new Promise<void>((resolve) => {
    const none = (): undefined => undefined;
    tunnel.open(
      { kind: "unknown", number: 200 },
      { data: none, end: none, writable: none, reset: () => resolve() },
    );
  });
  await tunnel.close();
  const asked = lines.filter((line) => line.includes("asks for"));
  assert.equal(asked.length, 1);
  assert.match(asked[0] ?? "", /asks for agent-src\/late\.ts: \d+ bytes/);
  assert.ok(!lines.some((line) => line.includes("no link control")), lines.join("\n"));
});
