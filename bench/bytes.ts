/**
 * What is sent before the tunnel is ready, counted as it is written, against bench/budget.json.
 *
 * The budget is one initial TCP window: ten segments of 1460 bytes (RFC 6928), which need no
 * acknowledgement. What comes to more costs a round trip more.
 */
import { readFileSync } from "node:fs";
import { Writable } from "node:stream";
import { localTransport } from "../bootstrap/local.ts";
import { describeStages } from "../bootstrap/stage-texts.ts";
import type { Transport } from "../bootstrap/transport.ts";
import { readAgentBundle } from "../client/agent-bundle.ts";
import { openTunnel } from "../client/tunnel.ts";

export interface BytesResult {
  /** The command and what was on its stdin when the far side spoke for the first time. */
  readonly counted: number;
  /** What `sshuttle bundle --inspect` says: without the arguments and the first frames of one tunnel. */
  readonly declared: number;
  readonly budget: number;
}

const BUDGET_FILE = new URL("../../bench/budget.json", import.meta.url);

/** Opens a tunnel to an agent on this machine and counts. */
export async function benchBytes(): Promise<BytesResult> {
  const bundle = await readAgentBundle();
  const { transport, bytesBeforeOutput } = countingTransport(localTransport());
  const tunnel = await openTunnel({ transport, bundle, log: () => {}, verbosity: 0 });
  await tunnel.close();
  const { bytesBeforeReady: budget } = JSON.parse(readFileSync(BUDGET_FILE, "utf8")) as {
    bytesBeforeReady: number;
  };
  return { counted: bytesBeforeOutput(), declared: describeStages(bundle).bytesBeforeReady, budget };
}

export function formatBytesResult({ declared, counted, budget }: BytesResult): string {
  return `bytes before ready: ${counted} counted, ${declared} declared, budget ${budget}`;
}

function countingTransport(inner: Transport): { transport: Transport; bytesBeforeOutput: () => number } {
  let bytes = 0;
  let atFirstOutput: number | undefined;
  const spawn: Transport["spawn"] = (command) => {
    bytes += Buffer.byteLength(command);
    const started = inner.spawn(command);
    started.stdout.once("readable", () => (atFirstOutput = bytes));
    const stdin = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        bytes += chunk.length;
        started.stdin.write(chunk, done);
      },
      final: (done) => void started.stdin.end(done),
    });
    return { ...started, stdin, kill: (signal) => started.kill(signal) };
  };
  return {
    transport: { description: inner.description, spawn },
    bytesBeforeOutput: () => atFirstOutput ?? Number.NaN,
  };
}
