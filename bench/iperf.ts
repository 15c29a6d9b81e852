/** Bulk through a peer, by iperf3 between the lab's client and its target. */
import type { Lab } from "../test/lab/lab.ts";
import type { Endpoint } from "./peers.ts";
import { BENCH_PORT } from "./peers.ts";

export type Direction = "down" | "up" | "both";

export const IPERF_OPTIONS: Readonly<Record<Direction, readonly string[]>> = {
  down: ["--reverse"],
  up: [],
  both: ["--bidir"],
};

/**
 * Mbit/s, as the receiving end counts them; of both directions the slower. What a tunnel has not carried when the time
 * is up is not counted, and `omitSeconds` at the beginning are not either.
 */
export async function iperf(
  lab: Lab,
  to: Endpoint,
  direction: Direction,
  seconds: number,
  omitSeconds: number = 1,
): Promise<number> {
  // A server for each measurement: with a tunnel that buffers without bound, one is busy long after its client.
  const port = String(BENCH_PORT.iperf);
  const server = lab.target.start(["iperf3", "--server", "--one-off", "--forceflush", "--port", port]);
  await server.output(/Server listening/);
  const options = [
    "--json",
    "--omit",
    String(omitSeconds),
    "--time",
    String(seconds),
    ...IPERF_OPTIONS[direction],
  ];
  const { stdout, stderr } = await lab.client.run(
    ["iperf3", "--client", to.address, "--port", String(to.port), ...options],
    { timeoutMs: (seconds + omitSeconds + 60) * 1000 },
  );
  server.kill("SIGKILL");
  await server.end();
  const { end, error } = JSON.parse(stdout) as { end: Sums; error?: string };
  const received = [end.sum_received, end.sum_received_bidir_reverse].filter((sum) => sum !== undefined);
  if (received.length === 0) throw new Error(`iperf3 to ${to.address}: ${error ?? stderr}`);
  return Math.min(...received.map(({ bits_per_second }) => bits_per_second)) / 1e6;
}

interface Sums {
  readonly sum_received?: { readonly bits_per_second: number };
  readonly sum_received_bidir_reverse?: { readonly bits_per_second: number };
}
