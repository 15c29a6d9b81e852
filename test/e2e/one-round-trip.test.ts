/**
 * Over a link of 200 ms an agent is ready as soon as any program that got a single byte from us could be.
 *
 * sshd opens a session's channel with a window of 0, and widens it in its answer to the command (RFC 4254 5.2, 6.5; session.c
 * of OpenSSH): so the first byte of stdin leaves a round trip after the command, whatever is done. From then on it is one round
 * trip to ready, and what the far side needs to start.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { StartRounds } from "../../bench/start-rounds.ts";
import { EmulatedLink } from "../lab/emulated-link.ts";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import { createLab } from "../lab/lab.ts";
import type { SshAlias } from "../lab/sshd.ts";

const RTT_MS = 200;
/** ssh's own six or seven round trips for a login come on top of each. */
const ROUNDS = 3;

const lab = await createLab();
after(() => lab.close());

/** How much longer ready takes than a `node -e 0` that first reads a line; the least of each. */
async function surplusMs(alias: SshAlias): Promise<number> {
  const script = `${PROJECT_IN_LAB}/dist/bench/start-rounds.js`;
  const command = `node ${script} ${lab.sshConfig} ${alias} ${ROUNDS}`;
  const { readingMs, readyMs }: StartRounds = JSON.parse(
    await lab.client.shell(command, { timeoutMs: 120_000 }),
  );
  return Math.min(...readyMs) - Math.min(...readingMs);
}

test("ready takes no round trip more than the first byte of stdin does", async () => {
  const link = await EmulatedLink.open(lab, { rttMs: RTT_MS, mbitPerS: Infinity, queueBdp: 10 });
  try {
    const [near, far] = [await surplusMs("server"), await surplusMs("server-by-link")];
    // Half a round trip is for noise; a second one would be twice that.
    assert.ok(
      far - near < RTT_MS / 2,
      `${far.toFixed(0)} ms more than a line over the link, ${near.toFixed(0)} without`,
    );
  } finally {
    await link.close();
  }
});
