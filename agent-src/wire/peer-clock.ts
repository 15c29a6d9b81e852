/** The peer's clock as acknowledgements tell it, and the shortest of what two clocks say together. */
import { ACK_CLOCK } from "./flight.ts";

/** After so long a silence its ticks may have wrapped: our own clock tells as well how much time has passed, ms. */
const SILENT_MS = 3_600_000;

/** In milliseconds, without wrapping, from the first value on. It does not run backwards, whatever a peer says. */
export class PeerClock {
  ms: number;
  private ticks: number | undefined;
  private heardMs: number;

  constructor() {
    this.ms = 0;
    this.ticks = undefined;
    this.heardMs = 0;
  }

  /** `ticks`: units of 1/ACK_CLOCK ms, modulo 2^32. */
  heard(ticks: number, nowMs: number): void {
    const { heardMs } = this;
    const passed = this.ticks === undefined ? 0 : (ticks - this.ticks) | 0;
    this.ms += nowMs - heardMs > SILENT_MS ? nowMs - heardMs : Math.max(0, passed) / ACK_CLOCK;
    this.ticks = ticks;
    this.heardMs = nowMs;
  }
}

/** The least of what was seen in the current period of so many ms, and in the one before. Infinity before the first. */
export class RecentMin {
  value: number;
  private readonly periodMs: number;
  private current: number;
  private before: number;
  private startMs: number;

  constructor(periodMs: number) {
    this.value = this.current = this.before = Infinity;
    this.periodMs = periodMs;
    this.startMs = -Infinity;
  }

  see(value: number, nowMs: number): void {
    if (nowMs - this.startMs >= this.periodMs) {
      this.before = this.current;
      this.current = Infinity;
      this.startMs = nowMs;
    }
    this.current = Math.min(this.current, value);
    this.value = Math.min(this.current, this.before);
  }
}
