/** Key strokes through a peer, for as long as wanted, and what their times come to. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../test/lab/lab.ts";
import { PROJECT_IN_LAB } from "../test/lab/keeper.ts";
import type { LabProcess } from "../test/lab/lab-process.ts";
import type { EchoTimes } from "./echo-times.ts";
import type { Endpoint } from "./peers.ts";
import { percentile } from "./statistics.ts";

export interface Quantiles {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly samples: number;
}

export interface StrokeSettings {
  readonly connections: number;
  /** Of each connection. */
  readonly everyMs: number;
}

/** Forty a second: faster than a hand, and too little to be a load. */
const ONE_HAND: StrokeSettings = { connections: 1, everyMs: 25 };

/** Longest that connections through a full queue take. */
const CONNECT_MS = 40_000;

export class Strokes {
  private readonly child: LabProcess;

  private constructor(child: LabProcess) {
    this.child = child;
  }

  /** Begins, and waits until all connections stand. */
  static async start(lab: Lab, to: Endpoint, settings: StrokeSettings = ONE_HAND): Promise<Strokes> {
    const script = `${PROJECT_IN_LAB}/dist/bench/echo-times.js`;
    const { connections, everyMs } = settings;
    const words = [to.address, to.port, connections, everyMs].map(String);
    const child = lab.client.start(["node", script, ...words]);
    await child.output(/echo ready/, CONNECT_MS);
    return new Strokes(child);
  }

  /** Lets them go on for so long. */
  async pass(ms: number): Promise<void> {
    await Promise.race([sleep(ms), this.child.exit]);
  }

  /** @throws Error if the connection broke. */
  async stop(): Promise<EchoTimes> {
    this.child.stdin.end();
    const { code, stdout } = await this.child.end();
    const line = stdout.trimEnd().split("\n").at(-1);
    if (code !== 0 || line === undefined) throw new Error(`The echo has ended\n${this.child.said}`);
    return JSON.parse(line) as EchoTimes;
  }

  /** For when something else has failed. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.end();
  }
}

/** Of what was sent from `fromMs` on and before `toMs`, both since the epoch. */
export function quantiles({ samples }: EchoTimes, fromMs: number, toMs: number): Quantiles {
  const took = samples.filter(([atMs]) => atMs >= fromMs && atMs < toMs).map(([, tookMs]) => tookMs);
  return {
    p50Ms: percentile(took, 0.5),
    p95Ms: percentile(took, 0.95),
    p99Ms: percentile(took, 0.99),
    samples: took.length,
  };
}
