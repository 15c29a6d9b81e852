/**
 * Round trips of a key stroke: one connection, 64 bytes every so often, each sent back by the target's echo.
 *
 *     node echo-times.js ADDRESS PORT SECONDS EVERY_MS
 *
 * Prints a line of JSON: EchoTimes.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** One sample: when it was sent, since the start, and how long it took, ms. */
export type EchoTimes = readonly (readonly [atMs: number, tookMs: number])[];

const MESSAGE_BYTES = 64;
/** A message that has not come back by then has taken this long at least. */
const GRACE_MS = 5000;

const [address = "", port = "", seconds = "", everyMs = ""] = process.argv.slice(2);
const socket = connect({ host: address, port: Number(port), noDelay: true });
const message = Buffer.alloc(MESSAGE_BYTES, "x");
const startMs = performance.now();
const sent: number[] = [];
const times: [number, number][] = [];
let received = 0;

socket.on("data", (chunk) => {
  received += chunk.length;
  while (times.length < Math.floor(received / MESSAGE_BYTES)) {
    const atMs = sent[times.length] ?? 0;
    times.push([atMs - startMs, performance.now() - atMs]);
  }
});
socket.on("error", (error) => {
  console.error(String(error));
  process.exit(1);
});

const forMs = Number(seconds) * 1000;
while (performance.now() - startMs < forMs) {
  sent.push(performance.now());
  socket.write(message);
  await sleep(Number(everyMs));
}
const endMs = performance.now() + GRACE_MS;
while (times.length < sent.length && performance.now() < endMs) await sleep(20);
for (const atMs of sent.slice(times.length)) times.push([atMs - startMs, performance.now() - atMs]);
console.log(JSON.stringify(times));
process.exit(0);
