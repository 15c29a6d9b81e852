/**
 * A load of short connections: connect, send 64 bytes, get them back, close; always so many at a time.
 *
 *     node load.js ADDRESS PORT CONCURRENCY SECONDS
 *
 * Prints one line of JSON, a LoadResult. Run without a tunnel it shows its own ceiling.
 */
import { connect } from "node:net";

export interface LoadResult {
  readonly connections: number;
  readonly failures: number;
  readonly perSecond: number;
  /** From connect() to the last byte of the echo. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const MESSAGE = Buffer.alloc(64, "e");

async function echoOnce(host: string, port: number): Promise<number> {
  const startedMs = performance.now();
  return await new Promise((resolve, reject) => {
    let left = MESSAGE.length;
    const socket = connect({ host, port, noDelay: true });
    socket.on("connect", () => socket.write(MESSAGE));
    socket.on("data", (chunk) => {
      left -= chunk.length;
      if (left > 0) return;
      resolve(performance.now() - startedMs);
      socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed before the echo was whole")));
  });
}

async function load(host: string, port: number, concurrency: number, seconds: number): Promise<LoadResult> {
  const times: number[] = [];
  let failures = 0;
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1000;
  async function work(): Promise<void> {
    while (performance.now() < untilMs) {
      await echoOnce(host, port).then(
        (time) => times.push(time),
        () => (failures += 1),
      );
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work));
  const elapsed = (performance.now() - startedMs) / 1000;
  times.sort((a, b) => a - b);
  const quantile = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  return {
    connections: times.length,
    failures,
    perSecond: times.length / elapsed,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

const [host = "", port, concurrency, seconds] = process.argv.slice(2);
console.log(JSON.stringify(await load(host, Number(port), Number(concurrency), Number(seconds))));
