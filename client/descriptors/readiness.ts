/**
 * Which descriptors can be read or written: one epoll of our own, which the event loop watches as a single descriptor.
 *
 * A watcher of the event loop's for each descriptor would do too; it costs a call into V8 for each event, and this one
 * a call for all that are ready. Level-triggered, as the event loop's own.
 */
import { errnoName } from "../ffi.ts";
import type { SystemCalls, Watch } from "../ffi.ts";

/** Source: sys/epoll.h. */
export const READABLE = 1;
export const WRITABLE = 4;
const OPERATION = { add: 1, delete: 2, modify: 3 } as const;

/** Bytes of struct epoll_event, and where its data begins: packed on x86-64 only. Source: sys/epoll.h. */
const EVENT =
  process.arch === "x64" || process.arch === "ia32" ? { bytes: 12, data: 4 } : { bytes: 16, data: 8 };

/** Events taken at a time; what is ready beyond that is ready still. */
const MAX_EVENTS = 256;

/** `events`: READABLE, WRITABLE, and at an error or a hang-up either of them as well. */
export type Ready = (events: number) => void;

export class Readiness {
  private readonly calls: SystemCalls;
  private readonly epoll: number;
  private readonly watch: Watch;
  /** By descriptor. */
  private readonly listeners: Map<number, Ready>;
  private readonly event: DataView;
  private readonly eventBytes: Uint8Array;
  private readonly events: DataView;
  private readonly eventsBytes: Uint8Array;

  constructor(calls: SystemCalls) {
    this.calls = calls;
    this.epoll = calls.epollCreate();
    if (this.epoll < 0) throw new Error(`Cannot make an epoll: ${errnoName(this.epoll)}`);
    this.listeners = new Map();
    this.event = new DataView(new ArrayBuffer(EVENT.bytes));
    this.eventBytes = new Uint8Array(this.event.buffer);
    this.events = new DataView(new ArrayBuffer(MAX_EVENTS * EVENT.bytes));
    this.eventsBytes = new Uint8Array(this.events.buffer);
    this.watch = calls.watch(this.epoll, () => this.dispatch());
    this.watch.release();
  }

  /**
   * Changes what a descriptor is watched for, from `before` to `after`. Watched for nothing it is not watched at all: a
   * hang-up, which cannot be left out, would be reported again and again.
   */
  change(fd: number, before: number, after: number, ready: Ready): void {
    if (before === after) return;
    const operation = before === 0 ? OPERATION.add : after === 0 ? OPERATION.delete : OPERATION.modify;
    this.event.setUint32(0, after, true);
    this.event.setInt32(EVENT.data, fd, true);
    const result = this.calls.epollControl(this.epoll, operation, fd, this.eventBytes);
    if (result < 0) throw new Error(`Cannot watch descriptor ${fd}: ${errnoName(result)}`);
    if (after === 0) this.listeners.delete(fd);
    else this.listeners.set(fd, ready);
    if (this.listeners.size === 0) this.watch.release();
    else if (before === 0 && this.listeners.size === 1) this.watch.hold();
  }

  private dispatch(): void {
    const count = this.calls.epollWait(this.epoll, this.eventsBytes, MAX_EVENTS);
    for (let at = 0; at < count * EVENT.bytes; at += EVENT.bytes) {
      // One that was closed by a listener before it is gone, or its number belongs to another, to which it means nothing.
      this.listeners.get(this.events.getInt32(at + EVENT.data, true))?.(this.events.getUint32(at, true));
    }
  }
}
