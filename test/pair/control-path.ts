/**
 * A path in virtual time for link control alone: a sender with always something to send, a local queue that takes
 * everything, a bottleneck, a delay, and a receiver that acknowledges as Receipts do; or two of them, each of which has the
 * other's acknowledgements in its queue.
 */
import { ACK_CLOCK, Flight, Receipts } from "../../agent-src/wire/flight.ts";
import { HEADER_BYTES } from "../../agent-src/wire/frame.ts";
import { LinkControl } from "../../agent-src/wire/link-control.ts";

export interface PathOptions {
  /** Bytes per ms at a time. */
  readonly rate: (ms: number) => number;
  /** One way each, ms. */
  readonly delayMs: (ms: number) => number;
  /** Added to each delivery, order kept, ms. */
  readonly jitterMs?: (ms: number) => number;
  readonly wants?: (ms: number) => boolean;
  /** The receiver has something of its own to send, and the acknowledgement goes with it. */
  readonly answers?: (ms: number) => boolean;
}

export interface Slice {
  readonly fromMs: number;
  readonly deliveredBytes: number;
  /** Of the bytes that left the bottleneck in it: how long they had stood before it, ms. */
  readonly meanQueueMs: number;
}

const SLICE_MS = 1000;

/** Bytes of an acknowledgement on its way. */
const ACK_FRAME_BYTES = 20;

/** One end: what it sends waits in one queue with its acknowledgements of what the other sends. */
class End {
  readonly control: LinkControl;
  readonly slices: { deliveredBytes: number; queued: number }[] = [];
  private readonly clock: Clock;
  private readonly path: PathOptions;
  private readonly receipts = new Receipts();
  private readonly flight = new Flight(0);
  private readonly wants: (ms: number) => boolean;
  /** Its clock is another than the other end's: by so much, and so much faster. */
  private readonly clockMs: (nowMs: number) => number;
  private freeMs = 0;
  private lastArrivalMs = 0;
  private ackTimer = Infinity;
  private isWaiting = false;
  other: End = this;

  constructor(
    control: LinkControl,
    clock: Clock,
    path: PathOptions,
    wants: (ms: number) => boolean,
    clockMs: (nowMs: number) => number,
  ) {
    this.control = control;
    this.clock = clock;
    this.path = path;
    this.wants = wants;
    this.clockMs = clockMs;
    this.flight.control = control;
  }

  private get nowMs(): number {
    return this.clock.nowMs;
  }

  send(): void {
    const { control } = this;
    if (!this.wants(this.nowMs)) return control.ranDry();
    for (;;) {
      const room = control.capAt(this.clockMs(this.nowMs)) - control.flightBytes - HEADER_BYTES;
      const bytes = Math.min(room, control.frameBytes) + HEADER_BYTES;
      if (control.flightBytes > 0 && room < control.frameBytes >> 1) return this.waitForPace();
      control.sent(bytes, this.clockMs(this.nowMs));
      this.carry(bytes, (queueMs) => this.other.receive(bytes, queueMs));
    }
  }

  private waitForPace(): void {
    const waitMs = this.control.resumeMs - this.clockMs(this.nowMs);
    if (waitMs <= 0 || this.isWaiting) return;
    this.isWaiting = true;
    // A timer's grain.
    this.clock.events.push(this.nowMs + Math.max(1, Math.ceil(waitMs)), () => (this.isWaiting = false));
  }

  private carry(bytes: number, arrived: (queueMs: number) => void): void {
    const { path, nowMs } = this;
    const startMs = Math.max(nowMs, this.freeMs);
    const queueMs = startMs - nowMs;
    this.freeMs = startMs + bytes / path.rate(startMs);
    this.lastArrivalMs = Math.max(
      this.lastArrivalMs,
      this.freeMs + path.delayMs(this.freeMs) + (path.jitterMs?.(this.freeMs) ?? 0),
    );
    this.clock.events.push(this.lastArrivalMs, () => arrived(queueMs));
  }

  private acknowledge(): void {
    const total = this.receipts.take();
    const clock = Math.floor(this.receipts.lastMs * ACK_CLOCK) >>> 0;
    this.ackTimer = Infinity;
    this.carry(ACK_FRAME_BYTES, () =>
      this.other.control.acknowledged(total, this.other.clockMs(this.nowMs), clock),
    );
  }

  private receive(bytes: number, queueMs: number): void {
    const { receipts, nowMs, clockMs } = this;
    const slice = (this.slices[Math.floor(nowMs / SLICE_MS)] ??= { deliveredBytes: 0, queued: 0 });
    slice.deliveredBytes += bytes;
    slice.queued += queueMs * bytes;
    // The receiver's own round trips are as long.
    receipts.received(bytes, clockMs(nowMs), this.other.flight.ackDelayMs);
    if (receipts.isDue || this.path.answers?.(nowMs) === true) this.acknowledge();
    else if (receipts.dueMs < this.ackTimer) {
      const dueMs = (this.ackTimer = receipts.dueMs);
      this.clock.events.push(nowMs + Math.max(0, dueMs - clockMs(nowMs)), () => {
        if (this.ackTimer !== dueMs) return;
        receipts.handleTimeout(dueMs);
        if (receipts.isDue) this.acknowledge();
      });
    }
  }

  result(): Slice[] {
    return Array.from(this.slices, (slice, index) => ({
      fromMs: index * SLICE_MS,
      deliveredBytes: slice?.deliveredBytes ?? 0,
      meanQueueMs: slice ? slice.queued / Math.max(1, slice.deliveredBytes) : 0,
    }));
  }
}

interface Clock {
  nowMs: number;
  readonly events: Heap;
}

/** Bulk one way; what arrived at the other end. */
export function runPath(control: LinkControl, path: PathOptions, forMs: number): Slice[] {
  return runEnds([control, unlimited()], path, [path.wants ?? always, never], forMs)[0];
}

/** Bulk both ways: what arrived there, and what arrived here. */
export function runBothWays(
  controls: readonly [LinkControl, LinkControl],
  path: PathOptions,
  forMs: number,
): [Slice[], Slice[]] {
  return runEnds(controls, path, [always, always], forMs);
}

const always = (): boolean => true;
const never = (): boolean => false;
const unlimited = (): LinkControl =>
  new LinkControl({ maxBytes: Number.MAX_SAFE_INTEGER, sentBytes: 0, ackedBytes: 0 });

/** A day of the far end's uptime, and a clock that is 40 ppm fast. */
const FAR_CLOCK = { aheadMs: 86_400_000, fast: 1.00004 } as const;

function runEnds(
  controls: readonly [LinkControl, LinkControl],
  path: PathOptions,
  wants: readonly [(ms: number) => boolean, (ms: number) => boolean],
  forMs: number,
): [Slice[], Slice[]] {
  const clock: Clock = { nowMs: 0, events: new Heap() };
  const { aheadMs, fast } = FAR_CLOCK;
  const near = new End(controls[0], clock, path, wants[0], (ms) => ms);
  const far = new End(controls[1], clock, path, wants[1], (ms) => aheadMs + ms * fast);
  near.other = far;
  far.other = near;
  // Whoever has nothing to send now may have later.
  if (path.wants) for (let atMs = 10; atMs < forMs; atMs += 10) clock.events.push(atMs, () => undefined);
  const send = (): void => {
    near.send();
    far.send();
  };
  send();
  for (let event = clock.events.pop(); event && event.atMs <= forMs; event = clock.events.pop()) {
    clock.nowMs = event.atMs;
    event.run();
    send();
  }
  return [far.result(), near.result()];
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Events by time, and of one time by their order. */
class Heap {
  private readonly items: Event[] = [];
  private count = 0;

  push(atMs: number, run: () => void): void {
    const { items } = this;
    const event = { atMs, order: this.count++, run };
    let place = items.push(event) - 1;
    for (let up = (place - 1) >> 1; place > 0 && isBefore(event, items[up]); up = (place - 1) >> 1) {
      items[place] = items[up]!;
      place = up;
    }
    items[place] = event;
  }

  pop(): Event | undefined {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (!last || items.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1]!, items[child])) child++;
      if (!isBefore(items[child]!, last)) break;
      items[place] = items[child]!;
      place = child;
    }
    items[place] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event | undefined): boolean {
  return !b || a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
