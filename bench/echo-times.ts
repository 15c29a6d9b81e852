/**
 * Round trips of key strokes: connections that each send 64 bytes every so often, which the target's echo sends back.
 *
 *     node echo-times.js ADDRESS PORT CONNECTIONS EVERY_MS
 *
 * Goes on until its stdin ends, waits for what is on its way, and prints a line of JSON: EchoTimes.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface EchoTimes {
  /** When each was sent, ms since the epoch, and how long it took, ms. */
  readonly samples: readonly (readonly [atMs: number, tookMs: number])[];
}

/** What is printed once all connections stand. */
export const ECHO_READY = "echo ready";

const MESSAGE_BYTES = 64;
/** A message that has not come back by then has taken this long at least. */
const GRACE_MS = 5000;

const message = Buffer.alloc(MESSAGE_BYTES, "x");
const samples: [number, number][] = [];
const stopped = new AbortController();

function now(): number {
  return performance.timeOrigin + performance.now();
}

async function stroke(
  host: string,
  port: number,
  everyMs: number,
  phase: number,
): Promise<() => Promise<void>> {
  const socket = connect({ host, port, noDelay: true });
  const sent: number[] = [];
  let returned = 0;
  let received = 0;
  await once(socket, "connect");
  socket.on("data", (chunk) => {
    received += chunk.length;
    for (; returned < Math.floor(received / MESSAGE_BYTES); returned += 1) {
      const atMs = sent[returned] ?? 0;
      samples.push([atMs, now() - atMs]);
    }
  });
  socket.on("error", (error) => {
    console.error(String(error));
    process.exit(1);
  });
  return async () => {
    let nextMs = now() + phase * everyMs;
    while (!stopped.signal.aborted) {
      await sleep(Math.max(0, nextMs - now()));
      sent.push(now());
      socket.write(message);
      nextMs = Math.max(nextMs + everyMs, now());
    }
    const untilMs = now() + GRACE_MS;
    while (returned < sent.length && now() < untilMs) await sleep(5);
    for (const atMs of sent.slice(returned)) samples.push([atMs, now() - atMs]);
  };
}

const [host = "", port, connections, everyMs] = process.argv.slice(2);
const count = Number(connections);
const strokes = await Promise.all(
  Array.from({ length: count }, (_, index) => stroke(host, Number(port), Number(everyMs), index / count)),
);
process.stdin.resume().once("end", () => stopped.abort());
console.log(ECHO_READY);
await Promise.all(strokes.map((run) => run()));
console.log(JSON.stringify({ samples } satisfies EchoTimes));
process.exit(0);
