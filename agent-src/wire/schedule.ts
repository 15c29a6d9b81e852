/**
 * Whose data goes next: deficit round robin, new flows first. Source: RFC 8290 4.2 (without its queue
 * control: the queues here are stopped at their source).
 *
 * A flow that has just become ready is fresh and goes before the old ones, for one quantum; so a key stroke
 * does not wait behind bulk. A fresh flow that ran dry joins the old ones before it can be fresh again,
 * so that many sparse flows cannot starve the bulk. Flows that are not ready are not in any list.
 */
import { Fifo } from "./fifo.ts";

/** Bytes a flow may send per round at most, a quarter of the largest frame; on a slow link it is less. */
export const QUANTUM_BYTES = 16_384;

export interface Flow {
  /** Bytes it may still send in this round; below zero it has sent ahead. */
  deficit: number;
  isListed: boolean;
}

export class Schedule<F extends Flow> {
  quantumBytes: number;
  private readonly fresh: Fifo<F>;
  private readonly old: Fifo<F>;

  constructor() {
    this.quantumBytes = QUANTUM_BYTES;
    this.fresh = new Fifo();
    this.old = new Fifo();
  }

  /** At most one flow has something to send: nobody waits, its frames may be as long as they can. */
  get isUncontended(): boolean {
    return this.fresh.length + this.old.length < 2;
  }

  /** The flow has something to send. */
  ready(flow: F): void {
    if (flow.isListed) return;
    flow.isListed = true;
    flow.deficit = this.quantumBytes;
    this.fresh.push(flow);
  }

  /** The flow whose turn it is; what it did is told by `sent`. */
  next(): F | undefined {
    for (;;) {
      const list = this.head();
      const flow = list.peek();
      if (!flow || flow.deficit > 0) return flow;
      list.shift();
      flow.deficit += this.quantumBytes;
      this.old.push(flow);
    }
  }

  /** The flow that `next` returned has sent these many bytes, perhaps none, and has more to send, or not. */
  sent(flow: F, bytes: number, hasMore: boolean): void {
    flow.deficit -= bytes;
    if (hasMore) return;
    const list = this.head();
    list.shift();
    if (list === this.fresh && this.old.length > 0) this.old.push(flow);
    else flow.isListed = false;
  }

  private head(): Fifo<F> {
    return this.fresh.length > 0 ? this.fresh : this.old;
  }
}
