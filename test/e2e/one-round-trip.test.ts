/** Over a link of 200 ms: what has to be said before an agent is ready is said in the round trip of the command itself. */
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

/** How much longer ready takes than the end of `node -e 0`, of which both have a login and one round trip; the least of each. */
async function surplusMs(alias: SshAlias): Promise<number> {
  const script = `${PROJECT_IN_LAB}/dist/bench/start-rounds.js`;
  const command = `node ${script} ${lab.sshConfig} ${alias} ${ROUNDS}`;
  const { plainMs, readyMs }: StartRounds = JSON.parse(
    await lab.client.shell(command, { timeoutMs: 60_000 }),
  );
  return Math.min(...readyMs) - Math.min(...plainMs);
}

test("exec to ready is one round trip and what the far side needs to start", async () => {
  const link = await EmulatedLink.open(lab, { rttMs: RTT_MS, mbitPerS: Infinity, queueBdp: 10 });
  try {
    const [near, far] = [await surplusMs("server"), await surplusMs("server-by-link")];
    // Half a round trip is for noise; a second one would be twice that.
    assert.ok(
      far - near < RTT_MS / 2,
      `${far.toFixed(0)} ms more than ssh over the link, ${near.toFixed(0)} without`,
    );
  } finally {
    await link.close();
  }
});
