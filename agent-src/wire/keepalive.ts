/** Silence after which a PING is sent, ms: below the 30 s after which impatient NATs forget a flow. */
export const PING_MS = 15_000;

/** Silence after which the link is lost, ms: three times that, as in OpenSSH's ServerAliveCountMax. */
export const LOST_MS = 45_000;

/** Notices a silent peer. Any byte counts as life. */
export class Keepalive {
  private readonly pingMs: number;
  /** From the first unanswered PING to the end. */
  private readonly graceMs: number;
  private nextPingMs: number;
  private lostAtMs: number;

  constructor(pingMs: number, lostMs: number, nowMs: number) {
    this.pingMs = pingMs;
    this.graceMs = lostMs - pingMs;
    this.nextPingMs = 0;
    this.lostAtMs = 0;
    this.heard(nowMs);
  }

  heard(nowMs: number): void {
    this.nextPingMs = nowMs + this.pingMs;
    this.lostAtMs = Infinity;
  }

  get nextTimeoutMs(): number {
    return Math.min(this.nextPingMs, this.lostAtMs);
  }

  /**
   * The grace counts from the first PING and not from the last byte: a process that was stopped for an hour
   * has heard nothing, and its peer may be well.
   */
  handleTimeout(nowMs: number): "ping" | "lost" | undefined {
    if (nowMs >= this.lostAtMs) return "lost";
    if (nowMs < this.nextPingMs) return undefined;
    this.nextPingMs = nowMs + this.pingMs;
    if (this.lostAtMs === Infinity) this.lostAtMs = nowMs + this.graceMs;
    return "ping";
  }
}
