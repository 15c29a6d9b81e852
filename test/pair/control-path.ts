/**
 * A path in virtual time for link control alone: a sender with always something to send, a local queue that takes
 * everything, a bottleneck, a delay, and a receiver that acknowledges as Receipts do.
 */
import { Flight, Receipts } from "../../agent-src/wire/flight.ts";
import { HEADER_BYTES } from "../../agent-src/wire/frame.ts";
import { MIN_DATA_BYTES } from "../../agent-src/wire/mux.ts";
import type { LinkControl } from "../../agent-src/wire/link-control.ts";

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

export function runPath(control: LinkControl, path: PathOptions, forMs: number): Slice[] {
  const receipts = new Receipts();
  const flight = new Flight(0);
  flight.control = control;
  const events = new Heap();
  const slices: { deliveredBytes: number; queued: number }[] = [];
  let nowMs = 0;
  let freeMs = 0;
  let lastArrival = 0;
  let ackTimer = Infinity;
  const send = (): void => {
    if (path.wants?.(nowMs) === false) return control.ranDry();
    for (;;) {
      const room = control.capBytes - control.flightBytes - HEADER_BYTES;
      const bytes = Math.min(room, control.frameBytes) + HEADER_BYTES;
      if (control.flightBytes > 0 && room < Math.min(MIN_DATA_BYTES, control.frameBytes)) return;
      control.sent(bytes, nowMs);
      const startMs = Math.max(nowMs, freeMs);
      const queueMs = startMs - nowMs;
      freeMs = startMs + bytes / path.rate(startMs);
      lastArrival = Math.max(lastArrival, freeMs + path.delayMs(freeMs) + (path.jitterMs?.(freeMs) ?? 0));
      events.push(lastArrival, () => receive(bytes, queueMs));
    }
  };
  const acknowledge = (): void => {
    const total = receipts.take();
    ackTimer = Infinity;
    events.push(nowMs + path.delayMs(nowMs), () => {
      control.acknowledged(total, nowMs);
    });
  };
  const receive = (bytes: number, queueMs: number): void => {
    const slice = (slices[Math.floor(nowMs / SLICE_MS)] ??= { deliveredBytes: 0, queued: 0 });
    slice.deliveredBytes += bytes;
    slice.queued += queueMs * bytes;
    // The receiver's own round trips are as long.
    receipts.received(bytes, nowMs, flight.ackDelayMs);
    if (receipts.isDue || path.answers?.(nowMs) === true) acknowledge();
    else if (receipts.dueMs < ackTimer) {
      const dueMs = (ackTimer = receipts.dueMs);
      events.push(dueMs, () => {
        if (ackTimer !== dueMs) return;
        receipts.handleTimeout(nowMs);
        if (receipts.isDue) acknowledge();
      });
    }
  };
  // Whoever has nothing to send now may have later.
  if (path.wants) for (let atMs = 10; atMs < forMs; atMs += 10) events.push(atMs, () => undefined);
  send();
  for (let event = events.pop(); event && event.atMs <= forMs; event = events.pop()) {
    nowMs = event.atMs;
    event.run();
    send();
  }
  return Array.from(slices, (slice, index) => ({
    fromMs: index * SLICE_MS,
    deliveredBytes: slice?.deliveredBytes ?? 0,
    meanQueueMs: slice ? slice.queued / Math.max(1, slice.deliveredBytes) : 0,
  }));
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
