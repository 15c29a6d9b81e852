/** From exec of ssh to a ready agent, against `ssh HOST node -e 0`, which is the least that it could take. */
import { readFileSync } from "node:fs";
import { createLab } from "../test/lab/lab.ts";
import { PROJECT_IN_LAB } from "../test/lab/keeper.ts";
import type { StartRounds } from "./start-rounds.ts";
import { summarise } from "./statistics.ts";
import type { Summary } from "./statistics.ts";

export interface StartResult {
  readonly plainMs: Summary;
  readonly readyMs: Summary;
  /** Of the medians. */
  readonly ratio: number;
  readonly budget: number;
}

const BUDGET_FILE = new URL("../../bench/budget.json", import.meta.url);

/** More than a round takes on a machine that is busy with other things. */
const ROUND_MS = 10_000;

export async function benchStart(count: number): Promise<StartResult> {
  const lab = await createLab();
  try {
    const script = `${PROJECT_IN_LAB}/dist/bench/start-rounds.js`;
    const line = await lab.client.shell(`node ${script} ${lab.sshConfig} server ${count}`, {
      timeoutMs: count * ROUND_MS,
    });
    const rounds = JSON.parse(line) as StartRounds;
    const [plainMs, readyMs] = [summarise(rounds.plainMs), summarise(rounds.readyMs)];
    const { startRatio } = JSON.parse(readFileSync(BUDGET_FILE, "utf8")) as { startRatio: number };
    return { plainMs, readyMs, ratio: readyMs.median / plainMs.median, budget: startRatio };
  } finally {
    await lab.close();
  }
}

export function formatStartResult({ plainMs, readyMs, ratio, budget }: StartResult): string {
  const show = ({ median, min, max }: Summary): string =>
    `${median.toFixed(0)} ms [${min.toFixed(0)}–${max.toFixed(0)}]`;
  return `exec to ready: ${show(readyMs)}, ssh host node -e 0: ${show(plainMs)}, ratio ${ratio.toFixed(2)} of at most ${budget}`;
}
