/** When statistics are taken, and where they go: on SIGUSR1, at the end (-v), and to the file of --stats-json. */
import { monotonicMs } from "../../agent-src/wire/link.ts";
import type { Log } from "../log.ts";
import type { Tunnel } from "../tunnel.ts";
import { makeSample } from "./sample.ts";
import type { SampleReason } from "./sample.ts";
import { formatSample } from "./sample-text.ts";
import type { StatsFile } from "./stats-file.ts";

/** Between two samples of the file. */
const INTERVAL_MS = 1000;

/** How long the far side may take to say its half: at the end, somebody waits for the process to go. */
const WAIT_MS: Readonly<Record<SampleReason, number>> = { interval: 2000, signal: 2000, exit: 500 };

export class Statistics {
  private readonly log: Log;
  private readonly file: StatsFile | undefined;
  private tunnel: Tunnel | undefined;
  private startMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private isSampling = false;

  constructor(log: Log, file: StatsFile | undefined) {
    this.log = log;
    this.file = file;
  }

  /** The tunnel is connected. */
  start(tunnel: Tunnel): void {
    this.tunnel = tunnel;
    this.startMs = monotonicMs();
    if (this.file === undefined) return;
    this.timer = setInterval(() => void this.sampleAgain(), INTERVAL_MS).unref();
  }

  /** Prints the figures of now. */
  async show(): Promise<void> {
    if (this.tunnel === undefined) this.log(0, "no statistics: not connected yet");
    else await this.take(this.tunnel, "signal");
  }

  /** The last figures: to be called while the tunnel is still there. */
  async finish(): Promise<void> {
    clearInterval(this.timer);
    if (this.tunnel !== undefined) await this.take(this.tunnel, "exit");
    await this.file?.close();
  }

  /** One at a time: a far side that is slow to answer is not asked more often for that. */
  private async sampleAgain(): Promise<void> {
    if (this.isSampling || this.tunnel === undefined) return;
    this.isSampling = true;
    await this.take(this.tunnel, "interval");
    this.isSampling = false;
  }

  private async take(tunnel: Tunnel, reason: SampleReason): Promise<void> {
    const figures = await tunnel.figures(WAIT_MS[reason]);
    const moment = { time: new Date(), elapsedMs: monotonicMs() - this.startMs, reason };
    const sample = makeSample(figures, tunnel.counts, moment);
    this.file?.write(sample);
    if (reason === "signal") this.log(0, formatSample(sample));
    if (reason === "exit") this.log(1, formatSample(sample));
  }
}
