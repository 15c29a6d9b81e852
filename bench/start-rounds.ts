/**
 * How long until the agent is ready, and how long `ssh HOST node -e 0` takes, with and without a look at stdin, in turns, measured where ssh runs.
 *
 *     node start-rounds.js SSH-CONFIG HOST ROUNDS
 *
 * Prints one line of JSON, a StartRounds.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { launch } from "../bootstrap/launch.ts";
import { opensshTransport } from "../bootstrap/openssh.ts";
import { readAgentBundle } from "../client/agent-bundle.ts";

export interface StartRounds {
  /** From exec of ssh to its exit, ms. */
  readonly plainMs: readonly number[];
  /** The same of a command that first reads a line of its stdin, ms. */
  readonly readingMs: readonly number[];
  /** From exec of ssh to the ready mark, ms. */
  readonly readyMs: readonly number[];
}

const [config = "", destination = "", rounds] = process.argv.slice(2);
const sshArgs = ["-F", config];
const bundle = await readAgentBundle();

async function plain(...command: readonly string[]): Promise<number> {
  const startMs = performance.now();
  const ssh = spawn("ssh", [...sshArgs, destination, ...command], { stdio: ["pipe", "ignore", "inherit"] });
  ssh.stdin.end("a line\n");
  await once(ssh, "close");
  return performance.now() - startMs;
}

async function ready(): Promise<number> {
  const transport = opensshTransport({ destination, sshCommand: ["ssh", ...sshArgs] });
  const startMs = performance.now();
  const agent = await launch({ transport, bundle, maps: "after" });
  const elapsedMs = performance.now() - startMs;
  agent.stdout.resume();
  agent.stderr.resume();
  agent.stdin.end();
  await agent.exit;
  return elapsedMs;
}

const result = { plainMs: [] as number[], readingMs: [] as number[], readyMs: [] as number[] };
for (let round = 0; round < Number(rounds); round += 1) {
  result.plainMs.push(await plain("node", "-e", "0"));
  result.readingMs.push(await plain("read x; exec node -e 0"));
  result.readyMs.push(await ready());
}
console.log(JSON.stringify(result satisfies StartRounds));
