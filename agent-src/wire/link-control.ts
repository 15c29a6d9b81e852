/**
 * How much may be in flight: about what the path holds, and nothing to stand in its queues.
 *
 * Source: draft-ietf-ccwg-bbr-02: the model (5.5, maximum of the delivery rate and minimum of the round trip), Startup and
 * Drain (5.3.1, 5.3.2), the cycle of probing (5.3.3), ProbeRTT (5.3.4). What differs, since a stream over ssh is no
 * TCP: nothing is paced and nothing is lost here, the one control is the cap on link bytes in flight. "In flight" is
 * from the write to ssh until the peer's program has read it: pipes, ssh's window and the kernels' buffers included.
 */
import { DeliveryRate } from "./delivery-rate.ts";
import type { RateSample } from "./delivery-rate.ts";
import type { Control, Flight } from "./flight.ts";
import { HEADER_BYTES, MAX_DATA_BYTES } from "./frame.ts";

export type ControlState = "startup" | "drain" | "cruise" | "up" | "down" | "rtt";

/** Until something is known: the first flight of TCP below (RFC 6928). */
const INITIAL_BYTES = 16_384;

/**
 * In flight at most, where the flight itself has no limit: 670 Mbit/s over 200 ms, as much as one window has. OpenSSH
 * takes 2 MiB (channels.h, CHAN_SES_WINDOW_DEFAULT); other transports and kernels take more.
 */
export const MAX_FLIGHT_BYTES = 16_777_216;

/** How long a frame may keep the link, ms: what a key stroke may have to wait for. */
const FRAME_MS = 2;
const MIN_FRAME_BYTES = 512;

/** Two frames of the least length: one on its way, and the next. */
export const MIN_CAP_BYTES: number = 2 * (MIN_FRAME_BYTES + HEADER_BYTES);

/**
 * Time beyond the round trip that the cap allows for, at least and at most, ms and of a round trip. Acknowledgements
 * come late and in bunches, and programs at both ends have other work: without it the cap would be below what keeps the
 * link busy, and the next estimate lower still. How much it takes is measured (5.5.9, extra_acked).
 */
const MIN_HEADROOM_MS = 5;
const MAX_HEADROOM_MS = 10;
const MAX_HEADROOM_RTTS = 0.25;

/** Rounds in which the highest rate is looked for. */
const RATE_ROUNDS = 10;

/** The part of the cap above which the path counts as used. */
const FULL_FLIGHT = 0.75;

const STARTUP_GAIN = 2;
const FULL_GROWTH = 1.25;
const FULL_ROUNDS = 3;
const UP_GAIN = 1.25;
const UP_ROUNDS = 2;
/** How much longer a round trip while more is tried shows that it was in vain, in round trips. */
const QUEUE_RTTS = 0.15;
const DOWN_GAIN = 0.9;
const DRAINED = 0.92;
const RTT_GAIN = 0.25;

/** Between two probes for more rate, ms, and rounds: neither a long nor a short path waits too long. */
const CRUISE_MS = 3000;
const CRUISE_ROUNDS = 8;

/** How long a shortest round trip is believed, ms, and round trips: probing costs about one of them. */
const MIN_RTT_MS = 4000;
const MIN_RTT_RTTS = 25;

/** How much longer a path is for that to count. */
const LONGER_RTTS = 1.1;

/** What still confirms it: a clock's grain, a frame's length. */
const RTT_TOLERANCE = 1.02;
const RTT_TOLERANCE_MS = 1;

/**
 * Round trips all well above the shortest mean that the estimate of the rate is too high, or that the path has become
 * longer: after so many rounds only the latest rates count, and if that does not help, the round trip is looked into.
 */
const DOUBT_HEADROOMS = 3;
const DOUBT_ROUNDS = 3;
const DOUBT_KEPT_RATES = 2;
const DOUBT_RTT_ROUNDS = 8;

export class LinkControl implements Control {
  capBytes: number;
  state: ControlState;
  /** Shortest round trip, ms; Infinity before the first. */
  minRttMs: number;
  private readonly maxBytes: number;
  private readonly delivery: DeliveryRate;
  /** Highest rate of each of the last rounds, latest last. */
  private readonly rates: number[];
  private minRttAtMs: number;
  private roundEndBytes: number;
  private rounds: number;
  /** When this state began. */
  private stateMs: number;
  private stateRounds: number;
  private entryRttMs: number;
  /** The rate that growth is measured against, and rounds without it. */
  private baseRate: number;
  private flatRounds: number;
  /** Rounds in which no round trip was near the shortest. */
  private doubtRounds: number;
  /** Shortest round trip while probing for it, from when the queues are drained; and that moment's round. */
  private probeRttMs: number;
  private drainedRound: number;
  /** Bytes acknowledged beyond the rate since `bunchMs`, and the most of that in each of the last rounds. */
  private bunchMs: number;
  private bunchBytes: number;
  private readonly bunches: number[];

  /** For a flight, which may be under way. */
  constructor({ maxBytes, sentBytes, ackedBytes }: Pick<Flight, "maxBytes" | "sentBytes" | "ackedBytes">) {
    this.maxBytes = maxBytes || MAX_FLIGHT_BYTES;
    this.delivery = new DeliveryRate(sentBytes, ackedBytes);
    this.capBytes = Math.min(INITIAL_BYTES, this.maxBytes);
    this.state = "startup";
    this.minRttMs = Infinity;
    this.rates = [0];
    this.minRttAtMs = 0;
    this.roundEndBytes = 0;
    this.rounds = 0;
    this.stateMs = 0;
    this.stateRounds = 0;
    this.entryRttMs = Infinity;
    this.baseRate = 0;
    this.flatRounds = 0;
    this.doubtRounds = 0;
    this.probeRttMs = Infinity;
    this.drainedRound = Infinity;
    this.bunchMs = 0;
    this.bunchBytes = 0;
    this.bunches = [0];
  }

  /** Estimated bytes per millisecond; 0 before the first sample. */
  get rate(): number {
    return Math.max(...this.rates);
  }

  get flightBytes(): number {
    return this.delivery.flightBytes;
  }

  get frameBytes(): number {
    return Math.max(MIN_FRAME_BYTES, Math.min(MAX_DATA_BYTES, Math.round(this.rate * FRAME_MS)));
  }

  sent(bytes: number, nowMs: number): void {
    this.delivery.sent(bytes, nowMs);
  }

  /** A moment without anything to send, in a flight that is nearly full, does not make the link look slow. */
  ranDry(): void {
    if (this.flightBytes < FULL_FLIGHT * this.capBytes) this.delivery.ranDry();
  }

  acknowledged(total: number, nowMs: number): void {
    const newBytes = total - this.delivery.deliveredBytes;
    const sample = this.delivery.acknowledged(total, nowMs);
    const isRound = sample !== undefined && sample.priorBytes >= this.roundEndBytes;
    if (isRound) {
      this.roundEndBytes = this.delivery.deliveredBytes;
      this.rounds++;
    }
    this.learnBunch(newBytes, isRound, nowMs);
    if (!sample) return;
    this.learnRate(sample, isRound);
    this.learnRtt(sample, isRound, nowMs);
    this.advance(sample, isRound, nowMs);
    this.capBytes = this.cap();
  }

  private learnBunch(newBytes: number, isRound: boolean, nowMs: number): void {
    const { bunches } = this;
    let expected = this.rate * (nowMs - this.bunchMs);
    if (this.bunchBytes <= expected) {
      this.bunchBytes = 0;
      this.bunchMs = nowMs;
      expected = 0;
    }
    this.bunchBytes += newBytes;
    if (isRound && bunches.push(0) > RATE_ROUNDS) bunches.shift();
    const last = bunches.length - 1;
    bunches[last] = Math.max(bunches[last] ?? 0, this.bunchBytes - expected);
  }

  private learnRate({ rate, isAppLimited }: RateSample, isRound: boolean): void {
    const { rates } = this;
    if (isAppLimited && rate <= this.rate) return;
    if (isRound && rates.push(0) > RATE_ROUNDS) rates.shift();
    const last = rates.length - 1;
    rates[last] = Math.max(rates[last] ?? 0, rate);
  }

  private learnRtt({ rttMs }: RateSample, isRound: boolean, nowMs: number): void {
    if (rttMs <= this.minRttMs * RTT_TOLERANCE + RTT_TOLERANCE_MS) this.minRttAtMs = nowMs;
    this.minRttMs = Math.min(this.minRttMs, rttMs);
    if (this.rounds >= this.drainedRound) this.probeRttMs = Math.min(this.probeRttMs, rttMs);
    if (rttMs <= this.minRttMs + DOUBT_HEADROOMS * this.maxHeadroomMs) this.doubtRounds = 0;
    else if (isRound) this.doubtRounds++;
  }

  private enter(state: ControlState, nowMs: number): void {
    this.state = state;
    this.stateMs = nowMs;
    this.stateRounds = this.rounds;
    this.entryRttMs = this.minRttMs;
    this.baseRate = this.rate;
    this.flatRounds = 0;
    this.probeRttMs = this.drainedRound = Infinity;
    this.doubtRounds = 0;
  }

  private advance({ isAppLimited, rttMs }: RateSample, isRound: boolean, nowMs: number): void {
    const bdp = this.rate * this.minRttMs;
    switch (this.state) {
      case "startup":
      case "up":
        if (
          this.state === "up" &&
          rttMs > this.minRttMs * (1 + QUEUE_RTTS) + this.headroomBytes / this.rate
        ) {
          // What was added stands in a queue: there is no more to be had.
          this.enter("down", nowMs);
          return;
        }
        if (!isRound || isAppLimited) return;
        if (this.rate >= this.baseRate * FULL_GROWTH) {
          this.baseRate = this.rate;
          this.flatRounds = 0;
        } else if (++this.flatRounds >= (this.state === "startup" ? FULL_ROUNDS : UP_ROUNDS)) {
          this.enter(this.state === "startup" ? "drain" : "down", nowMs);
        }
        return;
      case "drain":
      case "down":
        if (this.flightBytes > DRAINED * bdp || !isRound) return;
        // Below what was thought to be the path alone there was still a queue.
        this.enter(
          this.minRttMs < this.entryRttMs / RTT_TOLERANCE - RTT_TOLERANCE_MS ? "rtt" : "cruise",
          nowMs,
        );
        return;
      case "cruise":
        if (isRound && this.doubtRounds === DOUBT_ROUNDS)
          this.rates.splice(0, this.rates.length - DOUBT_KEPT_RATES);
        if (this.mustProbeRtt(nowMs)) this.enter("rtt", nowMs);
        else if (this.doubtRounds > 0) return;
        else if (nowMs - this.stateMs >= CRUISE_MS && this.rounds - this.stateRounds >= CRUISE_ROUNDS)
          this.enter("up", nowMs);
        return;
      case "rtt":
        // The round in which the flight is drained still meets the queue; the next one does not.
        if (this.flightBytes <= this.capBytes && this.drainedRound === Infinity)
          this.drainedRound = this.rounds + 1;
        if (isRound && this.rounds > this.drainedRound) this.settleRtt(nowMs);
    }
  }

  private mustProbeRtt(nowMs: number): boolean {
    const trustMs = Math.max(MIN_RTT_MS, MIN_RTT_RTTS * this.minRttMs);
    return nowMs - this.minRttAtMs >= trustMs || this.doubtRounds >= DOUBT_RTT_ROUNDS;
  }

  /** With the queues drained, what is left of the round trip is the path's. */
  private settleRtt(nowMs: number): void {
    this.minRttAtMs = nowMs;
    // Less than that may be frames that had to be whole before they could be read, ssh's and ours.
    const isLonger = this.probeRttMs > this.minRttMs * LONGER_RTTS + MAX_HEADROOM_MS;
    if (isLonger) this.minRttMs = this.probeRttMs;
    // A longer path holds more: see at once how much.
    this.enter(isLonger ? "up" : "cruise", nowMs);
  }

  private get maxHeadroomMs(): number {
    return Math.max(MAX_HEADROOM_MS, MAX_HEADROOM_RTTS * this.minRttMs);
  }

  private get headroomBytes(): number {
    const most = this.rate * this.maxHeadroomMs;
    return Math.min(most, Math.max(this.rate * MIN_HEADROOM_MS, ...this.bunches));
  }

  private cap(): number {
    const { rate, minRttMs, state } = this;
    if (rate === 0) return this.capBytes;
    const bdp = rate * minRttMs;
    const full = bdp + this.headroomBytes;
    const wanted =
      state === "startup"
        ? STARTUP_GAIN * full
        : state === "up"
          ? UP_GAIN * full
          : state === "down" || state === "drain"
            ? DOWN_GAIN * bdp
            : state === "rtt"
              ? RTT_GAIN * bdp
              : full;
    return Math.max(MIN_CAP_BYTES, Math.min(this.maxBytes, Math.round(wanted)));
  }
}
