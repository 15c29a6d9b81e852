/** A bulk transfer by iperf3 that goes on until it is stopped, second by second as its receiving ends count. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../test/lab/lab.ts";
import { eventually } from "../test/lab/lab-process.ts";
import type { LabProcess } from "../test/lab/lab-process.ts";
import { IPERF_OPTIONS } from "./iperf.ts";
import type { Direction } from "./iperf.ts";
import type { Endpoint } from "./peers.ts";
import { BENCH_PORT } from "./peers.ts";

/** Mbit/s that arrived, for each direction that was asked for. */
export type Rates = Readonly<Partial<Record<"up" | "down", number>>>;

/** A link of 200 ms with a queue of 2 s, in which a transfer waits its turn. */
const FIRST_SECOND_MS = 40_000;

export class Bulk {
  /** Since the epoch, ms: the beginning of the first second, of the direction that began last. */
  readonly startedAtMs: number;
  private readonly ends: Ends;

  private constructor(ends: Ends) {
    this.startedAtMs = Date.now() - 1000;
    this.ends = ends;
  }

  /** Begins one, and waits for its first second. @throws Error with what iperf3 said, if there is none. */
  static async start(lab: Lab, to: Endpoint, direction: Direction, maxSeconds: number): Promise<Bulk> {
    const common = ["--interval", "1", "--format", "k", "--forceflush"];
    // A server for each transfer: with a tunnel that buffers without bound, one is busy long after its client.
    const port = String(BENCH_PORT.iperf);
    const server = lab.target.start(["iperf3", "--server", "--one-off", "--port", port, ...common]);
    await server.output(/Server listening/);
    const target = ["--client", to.address, "--port", String(to.port), "--time", String(maxSeconds)];
    const client = lab.client.start(["iperf3", ...target, ...IPERF_OPTIONS[direction], ...common]);
    const receivers = {
      ...(direction === "down" ? {} : { up: server }),
      ...(direction === "up" ? {} : { down: client }),
    };
    const ends = { client, server, receivers };
    try {
      await counted(ends, 1, FIRST_SECOND_MS);
      return new Bulk(ends);
    } catch (error) {
      await kill(ends);
      throw error;
    }
  }

  /** Waits until `count` seconds have been counted in all. */
  async reach(count: number): Promise<void> {
    await sleep(Math.max(0, this.startedAtMs + count * 1000 - Date.now()));
    await counted(this.ends, count, FIRST_SECOND_MS);
  }

  /** Each direction's mean over the seconds from `from` on, and before `to`. */
  rates(from: number, to: number): Rates {
    const entries = Object.entries(this.ends.receivers).map(([direction, { stdout }]) => [
      direction,
      mean(receivedMbits(stdout).slice(from, to)),
    ]);
    return Object.fromEntries(entries) as Rates;
  }

  /** Ends it, whatever is still on its way. */
  async stop(): Promise<void> {
    await kill(this.ends);
  }
}

interface Ends {
  readonly client: LabProcess;
  readonly server: LabProcess;
  readonly receivers: Readonly<Partial<Record<"up" | "down", LabProcess>>>;
}

async function counted({ client, receivers }: Ends, seconds: number, timeoutMs: number): Promise<void> {
  let ended = false;
  void client.exit.finally(() => (ended = true)).catch(() => {});
  await eventually(
    `iperf3 counts ${seconds} s`,
    () => {
      if (Object.values(receivers).every(({ stdout }) => receivedMbits(stdout).length >= seconds))
        return true;
      if (ended) throw new Error(`iperf3 has ended\n${client.said}`);
      return undefined;
    },
    timeoutMs,
  );
}

async function kill({ client, server }: Ends): Promise<void> {
  for (const child of [client, server]) child.kill("SIGKILL");
  await Promise.all([client.end(), server.end()]);
}

/** Lines of text that iperf3's receiving end says of a second; not those of the other role, nor its last ones. */
const RECEIVED = /^\[ *\d+\](?:\[RX-[CS]\])? +[\d.]+-[\d.]+ +sec .*? ([\d.]+) Kbits\/sec *$/gm;

/** Mbit/s of each second that a receiving end of iperf3 (`--format k`) has told of. */
export function receivedMbits(text: string): number[] {
  return [...text.matchAll(RECEIVED)].map(([, kbits]) => Number(kbits) / 1000);
}

/** What counts of a transfer both ways. */
export function slower(rates: Rates): number {
  return Math.min(...Object.values(rates));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
