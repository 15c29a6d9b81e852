/** A client and an agent over two pipes in virtual time. Nothing here waits: time jumps to what comes next. */
import assert from "node:assert/strict";
import type { Channel } from "../../agent-src/wire/channel.ts";
import type { LinkEnd, MuxEvent } from "../../agent-src/wire/event.ts";
import { controlLink } from "../../agent-src/wire/control.ts";
import { Mux } from "../../agent-src/wire/mux.ts";
import type { MuxOptions } from "../../agent-src/wire/options.ts";
import { Pipe } from "./pipe.ts";
import type { PipeOptions } from "./pipe.ts";
import { Watch } from "./watch.ts";

const DEFAULT_CAP_BYTES = 2_097_152;
const CONTROLLED_CAP_BYTES = 16_777_216;

export class End {
  readonly mux: Mux;
  readonly out: Pipe;
  readonly watch: Watch;
  end: LinkEnd | undefined;
  /** What this end does with a channel that the other opens. */
  accept: (channel: Channel) => void = (channel) => channel.reset();

  constructor(role: "client" | "agent", options: MuxOptions, out: PipeOptions, isControlled: boolean) {
    this.mux = new Mux(role, 0, options);
    this.out = new Pipe(out);
    this.watch = new Watch(options.flightBytes ?? (isControlled ? CONTROLLED_CAP_BYTES : DEFAULT_CAP_BYTES));
    if (isControlled) controlLink(this.mux, options);
  }

  deliver(event: MuxEvent): void {
    assert.ok(!this.end || event.type === "reset", `${event.type} after closed`);
    switch (event.type) {
      case "hello":
        return;
      case "closed":
        this.end = event.end;
        return;
      case "open":
        return this.accept(event.channel);
      case "opened":
        return event.channel.handler?.opened?.(event.channel);
      case "data":
        return event.channel.handler?.data(event.channel, event.bytes);
      case "end":
        return event.channel.handler?.end(event.channel);
      case "reset":
        return event.channel.handler?.reset(event.channel, event.code, event.detail);
      case "writable":
        return event.channel.handler?.writable(event.channel);
    }
  }
}

export interface WorldOptions {
  readonly client?: MuxOptions;
  readonly agent?: MuxOptions;
  /** Both ends decide what is in flight, and how wide their windows are; as they do at work. */
  readonly isControlled?: boolean;
  readonly up?: PipeOptions;
  readonly down?: PipeOptions;
}

export class World {
  nowMs = 0;
  readonly client: End;
  readonly agent: End;
  private readonly later: { readonly atMs: number; readonly run: () => void }[] = [];
  /** How many of these have run. */
  private done = 0;

  constructor(options: WorldOptions = {}) {
    const { client = {}, agent = {}, up = {}, down = {}, isControlled = false } = options;
    this.client = new End("client", client, up, isControlled);
    this.agent = new End("agent", agent, down, isControlled);
  }

  at(atMs: number, run: () => void): void {
    // Most are later than all the others: sorting every time would cost more than the rest of a run.
    let place = this.later.length;
    while (place > this.done && (this.later[place - 1]?.atMs ?? 0) > atMs) place--;
    this.later.splice(place, 0, { atMs, run });
  }

  after(ms: number, run: () => void): void {
    this.at(this.nowMs + ms, run);
  }

  /** Until that time, or until nothing is left to happen but keepalive. */
  run(untilMs: number = Infinity): void {
    for (let turns = 0; ; turns++) {
      assert.ok(turns < 2_000_000, "the world does not come to rest");
      this.pump(this.client);
      this.pump(this.agent);
      const nextMs = this.nextMs(untilMs);
      if (nextMs > untilMs || nextMs === Infinity) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      for (let first = this.later[this.done]; first && first.atMs <= this.nowMs;) {
        this.done++;
        first.run();
        first = this.later[this.done];
      }
      this.carry(this.client, this.agent);
      this.carry(this.agent, this.client);
      for (const { mux } of [this.client, this.agent])
        if (mux.nextTimeoutMs() <= this.nowMs) mux.handleTimeout(this.nowMs);
    }
    if (untilMs !== Infinity) this.nowMs = untilMs;
  }

  private nextMs(untilMs: number): number {
    const nextMs = Math.min(
      this.client.out.nextMs,
      this.agent.out.nextMs,
      this.later[this.done]?.atMs ?? Infinity,
    );
    // A resting pair pings for ever: only a run with an end waits for that.
    const timeoutMs = Math.min(this.client.mux.nextTimeoutMs(), this.agent.mux.nextTimeoutMs());
    return untilMs === Infinity && timeoutMs > this.nowMs + 1000 ? nextMs : Math.min(nextMs, timeoutMs);
  }

  private carry(from: End, to: End): void {
    for (let bytes = from.out.pop(this.nowMs); bytes; bytes = from.out.pop(this.nowMs)) {
      to.watch.hears(bytes);
      to.mux.receive(bytes, this.nowMs);
      this.pump(to);
    }
  }

  private pump(end: End): void {
    do {
      for (let event = end.mux.pollEvent(); event; event = end.mux.pollEvent()) end.deliver(event);
      while (end.out.roomBytes > 0) {
        const list = end.mux.pollTransmit(65_536, this.nowMs);
        if (!list) break;
        for (const bytes of list) end.watch.sends(bytes);
        end.out.push(list, this.nowMs);
      }
    } while (end.mux.hasEvents);
  }
}
