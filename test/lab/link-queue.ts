/** One direction of an emulated link, in plain numbers: what happens to a packet, and when. */

export interface LinkParameters {
  /** Bytes per ms; Infinity for no limit. */
  readonly bytesPerMs: number;
  /** One way, ms. */
  readonly delayMs: number;
  /** Drop tail: packets that wait for the link hold at most so many bytes. */
  readonly queueBytes: number;
  /** Probability that a packet is lost on the way, 0 to 1. */
  readonly loss: number;
}

export class LinkQueue<P extends { readonly length: number }> {
  private parameters: LinkParameters;
  private readonly random: () => number;
  private readonly packets: { readonly packet: P; readonly departMs: number; readonly dueMs: number }[] = [];
  private head = 0;
  /** First packet that has not left for the link yet, and the bytes from there on. */
  private waiting = 0;
  private waitingBytes = 0;
  private freeMs = 0;
  private lastDueMs = 0;

  constructor(parameters: LinkParameters, random: () => number = Math.random) {
    this.parameters = parameters;
    this.random = random;
  }

  /** For packets that come from now on; those that are on their way arrive as they would have. */
  set(parameters: LinkParameters): void {
    this.parameters = parameters;
  }

  /** False: it is dropped, the queue is full. A lost packet is taken, uses the link, and never arrives. */
  push(packet: P, nowMs: number): boolean {
    const { bytesPerMs, delayMs, queueBytes, loss } = this.parameters;
    this.depart(nowMs);
    if (this.waitingBytes + packet.length > queueBytes && this.freeMs > nowMs) return false;
    const departMs = Math.max(nowMs, this.freeMs);
    this.freeMs = departMs + packet.length / bytesPerMs;
    if (loss > 0 && this.random() < loss) return true;
    // A delay that became shorter does not let a packet overtake.
    this.lastDueMs = Math.max(this.lastDueMs, this.freeMs + delayMs);
    this.packets.push({ packet, departMs, dueMs: this.lastDueMs });
    this.waitingBytes += packet.length;
    return true;
  }

  /** Infinity if nothing is on its way. */
  get nextMs(): number {
    return this.packets[this.head]?.dueMs ?? Infinity;
  }

  /** The next packet that has arrived by now. */
  pop(nowMs: number): P | undefined {
    const first = this.packets[this.head];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.depart(nowMs);
    this.head++;
    if (this.head >= 1024 && this.head * 2 >= this.packets.length) {
      this.packets.splice(0, this.head);
      this.waiting -= this.head;
      this.head = 0;
    }
    return first.packet;
  }

  private depart(nowMs: number): void {
    for (
      let next = this.packets[this.waiting];
      next && next.departMs <= nowMs;
      next = this.packets[this.waiting]
    ) {
      this.waitingBytes -= next.packet.length;
      this.waiting++;
    }
  }
}

/** Numbers from 0 to 1 that a seed decides: the same packets are lost each time. Source: mulberry32 by Tommy Ettinger. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
