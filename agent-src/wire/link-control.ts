/**
 * How much may be in flight: about what the path holds, and nothing to stand in its queues.
 *
 * Source: draft-ietf-ccwg-bbr-02: the model (5.5, maximum of the delivery rate and minimum of the round trip), Startup and
 * Drain (5.3.1, 5.3.2), the cycle of probing (5.3.3), ProbeRTT (5.3.4), pacing (5.6.2). What differs, since a stream over ssh is no
 * TCP: nothing is lost here, and it is the cap on link bytes in flight that keeps queues short. "In flight" is
 * from the write to ssh until the peer's program has read it: pipes, ssh's window and the kernels' buffers included.
 *
 * A round trip is long because of our own queue, or because of what acknowledgements meet on their way back: bulk of the
 * peer's. The one must be small, the other must be waited out, or the direction whose path back is busy would give up
 * its share. Acknowledgements tell when bytes were received, so the two are told apart by one-way delays, whose clocks
 * differ by a constant (RFC 6817, 3.4.2, of which the drift of clocks as well). "Forward" is from here to there, "back" the rest.
 */
import { DeliveryRate } from "./delivery-rate.ts";
import type { RateSample } from "./delivery-rate.ts";
import type { Control, Flight } from "./flight.ts";
import { HEADER_BYTES, MAX_DATA_BYTES } from "./frame.ts";
import { PeerClock, RecentMin } from "./peer-clock.ts";

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
const MIN_HEADROOM_MS = 4;
const MAX_HEADROOM_MS = 6;
const MAX_HEADROOM_RTTS = 0.125;

/**
 * The pace is the rate of the path, and more where more is tried (5.6.2), or where nothing waits: so a rate that was low for
 * want of quick programs is found again in some rounds. Without a pace a flight that was
 * sent at once would go on as a lump: acknowledged and replaced at once, with a path that is idle in between, and a
 * key stroke that waits for the next one. There is none in startup, where the first samples say little.
 */
/** What bytes waited for the path beyond that is a queue, as far as the pace is concerned, ms. */
const WAIT_MS = 2;

/** Ahead of the pace may be as much as goes in that time, ms: a timer's grain, and a frame. */
const BURST_MS = 3;

/** Above that a timer's grain is more than a frame, and acknowledgements come quickly enough; bytes per ms (524 Mbit/s). */
const MAX_PACED_RATE = 65_536;

/** Rounds in which the highest rate is looked for. */
const RATE_ROUNDS = 10;

/** The part of the cap above which the path counts as used. */
const FULL_FLIGHT = 0.75;

const STARTUP_GAIN = 2;
const FULL_GROWTH = 1.25;
const FULL_ROUNDS = 3;
const UP_GAIN = 1.25;
/** Less than the gain, since that is what can be seen of it at most. */
const UP_GROWTH = 1.1;
const UP_ROUNDS = 2;
/** How much longer a round trip while more is tried shows that it was in vain, in round trips. */
const QUEUE_RTTS = 0.15;
const DOWN_GAIN = 0.9;
const DRAINED = 0.92;
/** What is not drained in so many rounds will not be: more was likely than was true. */
const DOWN_ROUNDS = 3;
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
const RTT_TOLERANCE = 0.02;
const RTT_TOLERANCE_MS = 1;

/** As much longer is what two clocks that differ by 50 ppm make of a minute: it is taken for that. */
const DRIFT_MS = 3;

/** The way back is believed to be as short as it was in the last one or two times so long, ms. */
const BACK_MS = 30_000;

/** As old as an acknowledgement may be for what it says to be carried forward, beyond a headroom, in round trips. */
const MAX_AGE_RTTS = 0.5;

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
  private readonly maxBytes: number;
  private readonly delivery: DeliveryRate;
  /** Highest rate of each of the last rounds, latest last. */
  private readonly rates: number[];
  /** Shortest one-way times, ms; their sum is that of the round trip. Infinity before the first. */
  private minForwardMs: number;
  private readonly minBack: RecentMin;
  private readonly peer: PeerClock;
  /** When a one-way time confirmed `minForwardMs`. */
  private confirmedMs: number;
  private roundEndBytes: number;
  private rounds: number;
  /** When this state began. */
  private stateMs: number;
  private stateRounds: number;
  private entryForwardMs: number;
  /** The rate that growth is measured against, and rounds without it. */
  private baseRate: number;
  private flatRounds: number;
  /** Rounds in which no round trip was near the shortest. */
  private doubtRounds: number;
  /** Shortest way forward while probing for it, from when the queues are drained; and that moment's round. */
  private probeForwardMs: number;
  private drainedRound: number;
  /** Bytes acknowledged beyond the rate since `bunchMs`, and the most of that in each of the last rounds. */
  private bunchMs: number;
  private bunchBytes: number;
  private readonly bunches: number[];
  /** When all that was sent would have left, at the pace, ms. */
  private paceMs: number;
  /** What was acknowledged last had waited for the path. */
  private isWaiting: boolean;

  /** For a flight, which may be under way. */
  constructor({ maxBytes, sentBytes, ackedBytes }: Pick<Flight, "maxBytes" | "sentBytes" | "ackedBytes">) {
    this.maxBytes = maxBytes || MAX_FLIGHT_BYTES;
    this.delivery = new DeliveryRate(sentBytes, ackedBytes);
    this.capBytes = Math.min(INITIAL_BYTES, this.maxBytes);
    this.state = "startup";
    this.rates = [0];
    this.minForwardMs = Infinity;
    this.minBack = new RecentMin(BACK_MS);
    this.peer = new PeerClock();
    this.confirmedMs = 0;
    this.roundEndBytes = 0;
    this.rounds = 0;
    this.stateMs = 0;
    this.stateRounds = 0;
    this.entryForwardMs = Infinity;
    this.baseRate = 0;
    this.flatRounds = 0;
    this.doubtRounds = 0;
    this.probeForwardMs = Infinity;
    this.drainedRound = Infinity;
    this.bunchMs = 0;
    this.bunchBytes = 0;
    this.bunches = [0];
    this.paceMs = 0;
    this.isWaiting = false;
  }

  /** Of the path alone, ms; Infinity before the first sample. */
  get minRttMs(): number {
    return this.minForwardMs + this.minBack.value;
  }

  /** Estimated bytes per millisecond; 0 before the first sample. */
  get rate(): number {
    return Math.max(...this.rates);
  }

  get flightBytes(): number {
    return this.delivery.flightBytes;
  }

  capAt(nowMs: number): number {
    const { burstBytes, flightBytes, pace } = this;
    const capBytes = Math.min(this.maxBytes, this.capBytes + this.likelyBytes(nowMs));
    // What makes room for more is an acknowledgement: with nothing in flight there would be none.
    if (pace === Infinity || flightBytes === 0) return Math.floor(capBytes);
    const aheadBytes = this.paceMs > nowMs ? (this.paceMs - nowMs) * pace : 0;
    return Math.floor(Math.min(capBytes, flightBytes + burstBytes - aheadBytes));
  }

  get frameBytes(): number {
    return Math.max(MIN_FRAME_BYTES, Math.min(MAX_DATA_BYTES, Math.round(this.rate * FRAME_MS)));
  }

  sent(bytes: number, nowMs: number): void {
    this.delivery.sent(bytes, nowMs);
    this.paceMs = Math.max(this.paceMs, nowMs) + bytes / this.pace;
  }

  /** Bytes per millisecond; Infinity: as they come. */
  private get pace(): number {
    const { rate, state } = this;
    if (state === "startup" || rate === 0 || rate > MAX_PACED_RATE) return Infinity;
    return state === "up" || !this.isWaiting ? rate * UP_GAIN : rate;
  }

  private get burstBytes(): number {
    return Math.max(this.pace * BURST_MS, this.frameBytes + HEADER_BYTES);
  }

  /** When half a frame may be sent, as far as the pace is concerned, ms. */
  get resumeMs(): number {
    if (this.pace === Infinity) return 0;
    // Two bytes more: room is rounded down.
    return this.paceMs - (this.burstBytes - this.frameBytes / 2 - HEADER_BYTES - 2) / this.pace;
  }

  /** A moment without anything to send, in a flight that is nearly full, does not make the link look slow. */
  ranDry(): void {
    if (this.flightBytes < FULL_FLIGHT * this.capBytes) this.delivery.ranDry();
  }

  acknowledged(total: number, nowMs: number, clock: number): void {
    const newBytes = total - this.delivery.deliveredBytes;
    this.peer.heard(clock, nowMs);
    const sample = this.delivery.acknowledged(total, nowMs, this.peer.ms);
    const isRound = sample !== undefined && sample.priorBytes >= this.roundEndBytes;
    if (isRound) {
      this.roundEndBytes = this.delivery.deliveredBytes;
      this.rounds++;
    }
    this.learnBunch(newBytes, isRound, this.peer.ms);
    if (!sample) return;
    this.learnRate(sample, isRound);
    this.learnRtt(sample, isRound, nowMs);
    this.advance(sample, isRound, nowMs);
    this.capBytes = this.cap();
  }

  private learnBunch(newBytes: number, isRound: boolean, peerMs: number): void {
    const { bunches } = this;
    let expected = this.rate * (peerMs - this.bunchMs);
    if (this.bunchBytes <= expected) {
      this.bunchBytes = 0;
      this.bunchMs = peerMs;
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

  private learnRtt({ rttMs, forwardMs }: RateSample, isRound: boolean, nowMs: number): void {
    this.minBack.see(rttMs - forwardMs, nowMs);
    const queueMs = forwardMs - this.minForwardMs;
    this.isWaiting = queueMs > WAIT_MS;
    if (queueMs <= this.toleranceMs) this.confirmedMs = nowMs;
    this.minForwardMs = Math.min(this.minForwardMs, forwardMs);
    if (this.rounds >= this.drainedRound) this.probeForwardMs = Math.min(this.probeForwardMs, forwardMs);
    if (queueMs <= DOUBT_HEADROOMS * this.maxHeadroomMs) this.doubtRounds = 0;
    else if (isRound) this.doubtRounds++;
  }

  private get toleranceMs(): number {
    return RTT_TOLERANCE * this.minRttMs + RTT_TOLERANCE_MS;
  }

  private enter(state: ControlState, nowMs: number): void {
    this.state = state;
    this.stateMs = nowMs;
    this.stateRounds = this.rounds;
    this.entryForwardMs = this.minForwardMs;
    this.baseRate = this.rate;
    this.flatRounds = 0;
    this.probeForwardMs = this.drainedRound = Infinity;
    this.doubtRounds = 0;
  }

  private advance({ isAppLimited, forwardMs }: RateSample, isRound: boolean, nowMs: number): void {
    const { bdpBytes } = this;
    const flightBytes = this.flightBytes - this.likelyBytes(nowMs);
    const isQueued =
      forwardMs - this.minForwardMs > this.minRttMs * QUEUE_RTTS + this.headroomBytes / this.rate;
    const roundsHere = this.rounds - this.stateRounds;
    switch (this.state) {
      case "startup":
      case "up":
        if (this.state === "up" && isQueued) {
          // What was added stands in a queue: there is no more to be had.
          this.enter("down", nowMs);
          return;
        }
        // A channel that is limited by its window may have filled the path all the same; key strokes have not.
        if (!isRound || (isAppLimited && !(isQueued && this.flightBytes > INITIAL_BYTES))) return;
        if (this.rate >= this.baseRate * (this.state === "startup" ? FULL_GROWTH : UP_GROWTH)) {
          this.baseRate = this.rate;
          this.flatRounds = 0;
        } else if (++this.flatRounds >= (this.state === "startup" ? FULL_ROUNDS : UP_ROUNDS)) {
          this.enter(this.state === "startup" ? "drain" : "down", nowMs);
        }
        return;
      case "drain":
      case "down":
        if (!isRound || (flightBytes > DRAINED * bdpBytes && roundsHere < DOWN_ROUNDS)) return;
        // Below what was thought to be the path alone there was still a queue.
        this.enter(this.entryForwardMs - this.minForwardMs > this.toleranceMs ? "rtt" : "cruise", nowMs);
        return;
      case "cruise":
        if (isRound && this.doubtRounds === DOUBT_ROUNDS)
          this.rates.splice(0, this.rates.length - DOUBT_KEPT_RATES);
        if (this.mustProbeRtt(nowMs)) this.enter("rtt", nowMs);
        else if (this.doubtRounds > 0) return;
        else if (nowMs - this.stateMs >= CRUISE_MS && roundsHere >= CRUISE_ROUNDS) this.enter("up", nowMs);
        return;
      case "rtt":
        // The round in which the flight is drained still meets the queue; the next one does not.
        if (this.drainedRound === Infinity && (flightBytes <= this.capBytes || roundsHere >= DOWN_ROUNDS))
          this.drainedRound = this.rounds + 1;
        if (isRound && this.rounds > this.drainedRound) this.settleRtt(nowMs);
    }
  }

  private mustProbeRtt(nowMs: number): boolean {
    const trustMs = Math.max(MIN_RTT_MS, MIN_RTT_RTTS * this.minRttMs);
    return nowMs - this.confirmedMs >= trustMs || this.doubtRounds >= DOUBT_RTT_ROUNDS;
  }

  /** With the queues drained, what is left of the round trip is the path's. */
  private settleRtt(nowMs: number): void {
    this.confirmedMs = nowMs;
    const longerMs = this.probeForwardMs - this.minForwardMs;
    // Less than that may be frames that had to be whole before they could be read, ssh's and ours.
    const isLonger = longerMs > this.minRttMs * (LONGER_RTTS - 1) + MAX_HEADROOM_MS;
    if (isLonger || longerMs <= DRIFT_MS) this.minForwardMs = this.probeForwardMs;
    // A longer path holds more: see at once how much.
    this.enter(isLonger ? "up" : "cruise", nowMs);
  }

  private get bdpBytes(): number {
    return this.rate * this.minRttMs;
  }

  /**
   * What has been received since the last acknowledgement was true, if all went well: one that was delayed on its way,
   * or for which the next one is, says less than what is so.
   */
  private likelyBytes(nowMs: number): number {
    const ageMs = nowMs - this.peer.ms - this.minBack.value;
    // On a slow path a frame or two of the peer's take longer than all else.
    const mostMs = this.maxHeadroomMs + MAX_AGE_RTTS * this.minRttMs + MIN_CAP_BYTES / this.rate;
    return ageMs > 0 ? this.rate * Math.min(ageMs, mostMs) : 0;
  }

  private get maxHeadroomMs(): number {
    return Math.max(MAX_HEADROOM_MS, MAX_HEADROOM_RTTS * this.minRttMs);
  }

  private get headroomBytes(): number {
    const most = this.rate * this.maxHeadroomMs;
    return Math.min(most, Math.max(this.rate * MIN_HEADROOM_MS, ...this.bunches));
  }

  private cap(): number {
    const { rate, bdpBytes: bdp, state } = this;
    if (rate === 0) return this.capBytes;
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
    // The first samples are those of a hello, and of key strokes.
    const least = state === "startup" ? INITIAL_BYTES : MIN_CAP_BYTES;
    return Math.min(this.maxBytes, Math.max(least, Math.round(wanted)));
  }
}
