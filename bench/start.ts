/** From exec of ssh to a ready agent, against `ssh HOST node -e 0`, which is the least that it could take. */
import { createLab } from "../test/lab/lab.ts";
import { PROJECT_IN_LAB } from "../test/lab/keeper.ts";
import type { StartRounds } from "./start-rounds.ts";
import { summarise } from "./statistics.ts";
import type { Summary } from "./statistics.ts";

export interface StartResult {
  readonly plainMs: Summary;
  readonly readyMs: Summary;
}

/** More than a round takes on a machine that is busy with other things. */
const ROUND_MS = 10_000;

export async function benchStart(rounds: number): Promise<StartResult> {
  const lab = await createLab();
  try {
    const script = `${PROJECT_IN_LAB}/dist/bench/start-rounds.js`;
    const line = await lab.client.shell(`node ${script} ${lab.sshConfig} server ${rounds}`, {
      timeoutMs: rounds * ROUND_MS,
    });
    const { plainMs, readyMs } = JSON.parse(line) as StartRounds;
    return { plainMs: summarise(plainMs), readyMs: summarise(readyMs) };
  } finally {
    await lab.close();
  }
}

export function formatStartResult({ plainMs, readyMs }: StartResult): string {
  const show = ({ median, min, max }: Summary): string =>
    `${median.toFixed(0)} ms [${min.toFixed(0)}–${max.toFixed(0)}]`;
  const ratio = (readyMs.median / plainMs.median).toFixed(2);
  return `exec to ready: ${show(readyMs)}, ssh host node -e 0: ${show(plainMs)}, ratio ${ratio}`;
}
