/**
 * The protocol of one end without I/O: bytes and times in, bytes and events out. README.md here specifies it.
 * Memory is bounded whatever the peer does: what it sends, by the windows; what it makes this end send,
 * because small frames are notes on their channel until written, and it stays counted until its last is.
 */
import { Channel, LOW_WATER_BYTES, QUEUE_BYTES } from "./channel.ts";
import type { ChannelHandler, ChannelHost } from "./channel.ts";
import { GoAway, goAwayFrom, PeerError, ResetCode, resetCodeFrom } from "./codes.ts";
import type { LinkEnd, MuxEvent } from "./event.ts";
import { Fifo } from "./fifo.ts";
import { ACK_CLOCK, Flight, Receipts } from "./flight.ts";
import {
  asDetail,
  Frame,
  HEADER_BYTES,
  MAX_DATA_BYTES,
  MAX_SMALL_BYTES,
  readDetail,
  readU32,
} from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { readHello, writeHello } from "./hello.ts";
import { Keepalive, LOST_MS, PING_MS } from "./keepalive.ts";
import type { MuxOptions } from "./options.ts";
import { QUANTUM_BYTES, Schedule } from "./schedule.ts";
import { isHost, readOpen, writeOpen } from "./target.ts";
import type { Target } from "./target.ts";
import { INITIAL_WINDOW_BYTES } from "./window.ts";
import type { WindowPolicy } from "./window.ts";

/** Channels the peer may have open: as many as a target has ports for one address. */
export const MAX_CHANNELS = 65_536;

/** Refusals of channels above the limit that may wait to be sent; a peer that reads nothing gets no more. */
export const MAX_REFUSALS = 1024;

/**
 * DATA is not cut shorter than this by a batch or by the cap, only by windows and by what there is; with link control than
 * half a frame, for room comes by the byte there. Source: RFC 9293 3.8.6.2.1, silly window syndrome avoidance.
 */
const MIN_DATA_BYTES = 1024;

const LINK_OVER = "the link is over";

export class Mux implements ChannelHost {
  /** Rung when there may be something to transmit, or an event, because of a local call. Set by the link. */
  onWork: () => void;
  /** Set once the link is over. */
  end: LinkEnd | undefined;
  readonly flight: Flight;
  /** May come later than the first channels. */
  windows: WindowPolicy | undefined;
  heldBytes: number;
  queuedBytes: number;
  readonly windowBytes: number;
  private readonly maxChannels: number;
  /** For a look, like `receipts`: nobody else changes them. */
  readonly channels: Map<number, Channel>;
  private readonly events: Fifo<MuxEvent>;
  private readonly reader: FrameReader;
  private readonly writer: FrameWriter;
  readonly receipts: Receipts;
  private readonly keepalive: Keepalive;
  private readonly schedule: Schedule<Channel>;
  /** Channels with small frames to send. */
  private readonly control: Fifo<Channel>;
  private readonly refusals: number[];
  private hasHello: boolean;
  /** Of the peer's hello; before it has come, the least that it can say. */
  private peerWindowBytes: number;
  private peerMaxChannels: number;
  private nextId: number;
  private nextPeerId: number;
  private ownCount: number;
  private mustHello: boolean;
  private mustPing: boolean;
  private mustGoAway: boolean;
  /** Data waits for the pace until then. */
  private resumeMs: number;
  /** Payload of the last PING: answering that one is enough, so that a flood of them needs no memory. */
  private pong: Uint8Array | undefined;

  /** The client opens channels with odd numbers, the agent with even ones. */
  constructor(role: "client" | "agent", nowMs: number, options: MuxOptions = {}) {
    const isClient = role === "client";
    this.onWork = () => undefined;
    this.end = undefined;
    this.flight = new Flight(options.flightBytes);
    this.windows = undefined;
    this.heldBytes = 0;
    this.queuedBytes = 0;
    this.windowBytes = options.windowBytes || INITIAL_WINDOW_BYTES;
    this.maxChannels = options.maxChannels ?? MAX_CHANNELS;
    this.channels = new Map();
    this.events = new Fifo();
    this.reader = new FrameReader();
    this.writer = new FrameWriter();
    this.receipts = new Receipts();
    this.keepalive = new Keepalive(options.pingMs || PING_MS, options.lostMs || LOST_MS, nowMs);
    this.schedule = new Schedule();
    this.control = new Fifo();
    this.refusals = [];
    this.hasHello = false;
    this.peerWindowBytes = INITIAL_WINDOW_BYTES;
    this.peerMaxChannels = MAX_CHANNELS;
    this.nextId = isClient ? 1 : 2;
    this.nextPeerId = isClient ? 2 : 1;
    this.ownCount = 0;
    this.mustHello = true;
    this.mustPing = false;
    this.mustGoAway = false;
    this.pong = undefined;
    this.resumeMs = Infinity;
  }

  /** Channels that are open, or closed with bytes still held or a frame to send; the peer's and our own. */
  get channelCount(): number {
    return this.channels.size;
  }

  /** Takes what the link delivered. What is wrong with it ends the link, as an event. */
  receive(bytes: Uint8Array, nowMs: number): void {
    this.keepalive.heard(nowMs);
    this.reader.push(bytes);
    try {
      while (!this.end && this.reader.next()) {
        if (this.reader.channel !== 0)
          this.receipts.received(this.reader.bytes, nowMs, this.flight.ackDelayMs);
        this.receiveFrame(this.reader.type, this.reader.channel, this.reader.payload, nowMs);
      }
      if (this.windows) this.windows.bound();
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.goAway(error.code, error.message);
    }
  }

  get hasEvents(): boolean {
    return this.events.length > 0;
  }

  pollEvent(): MuxEvent | undefined {
    for (;;) {
      const event = this.events.shift();
      if (!event || !("channel" in event) || !event.channel.isMuted) return event;
    }
  }

  /** The next bytes for the link, about `maxBytes` at most, or undefined. The first ones hold the hello. */
  pollTransmit(maxBytes: number, nowMs: number): Uint8Array[] | undefined {
    const { writer } = this;
    if (this.mustHello) writeHello(writer, this.windowBytes, this.maxChannels);
    this.mustHello = false;
    if (this.end) {
      if (this.mustGoAway) this.sendReason(Frame.GoAway, 0, this.end.code, this.end.detail);
      this.mustGoAway = false;
    } else {
      if (this.mustPing) writer.frame(Frame.Ping, 0, 8).u64(0);
      if (this.pong) writer.frame(Frame.Pong, 0, 8).payload(this.pong);
      this.mustPing = false;
      this.pong = undefined;
      const before = writer.bytes;
      this.sendControl(maxBytes, nowMs);
      this.flight.sent(writer.bytes - before, nowMs);
      if (this.control.length === 0) this.sendData(maxBytes, nowMs);
      if (this.receipts.isDue || (writer.bytes > 0 && this.receipts.isPending))
        writer
          .frame(Frame.Ack, 0, 12)
          .u64(this.receipts.take())
          .u32(this.receipts.lastMs * ACK_CLOCK);
    }
    return writer.take();
  }

  /** When to call `handleTimeout`, on the same clock; Infinity once the link is over. */
  nextTimeoutMs(): number {
    return this.end ? Infinity : Math.min(this.receipts.dueMs, this.keepalive.nextTimeoutMs, this.resumeMs);
  }

  handleTimeout(nowMs: number): void {
    if (this.end) return;
    this.receipts.handleTimeout(nowMs);
    if (nowMs >= this.resumeMs) this.resumeMs = Infinity;
    const verdict = this.keepalive.handleTimeout(nowMs);
    if (verdict === "ping") this.mustPing = true;
    if (verdict === "lost")
      this.finish({ by: "lost", code: GoAway.Silence, detail: "nothing heard from the peer" });
  }

  /** Never throws: what is not possible (limit of the peer, link over) arrives as a reset. */
  open(target: Target, handler?: ChannelHandler): Channel {
    const refusal = this.refusalOf(target);
    const channel = this.createChannel(refusal ? 0 : this.nextId, target);
    channel.handler = handler;
    channel.state = refusal ? "closed" : "opening";
    if (refusal) {
      this.tellReset(channel, refusal[0], refusal[1]);
      this.onWork();
    } else {
      this.nextId += 2;
      this.ownCount++;
      this.channels.set(channel.id, channel);
      channel.mustOpen = true;
      this.controlReady(channel);
    }
    return channel;
  }

  /** Ends the session: every channel is gone at once, GO_AWAY is the last frame. */
  goAway(code: GoAway, detail: string = ""): void {
    this.finish({ by: "local", code, detail });
  }

  /** The pipe is gone: nothing more can be received or sent. */
  lose(detail: string): void {
    this.finish({ by: "lost", code: GoAway.Internal, detail });
    this.mustGoAway = false;
  }

  dataReady(channel: Channel): void {
    if (channel.hasWork) {
      this.schedule.ready(channel);
      this.onWork();
    }
  }

  controlReady(channel: Channel): void {
    if (this.end) return;
    if (!channel.isInControl) this.control.push(channel);
    channel.isInControl = true;
    this.onWork();
  }

  /**
   * Forgets a channel that is closed. It stays counted while this end holds bytes or a note of it, or it is
   * still in a list: so all of that is bounded by the number of channels.
   */
  settle(channel: Channel): void {
    if (!channel.isClosed || channel.isInControl || channel.isListed || channel.window.heldBytes > 0) return;
    if (this.channels.delete(channel.id) && this.isOwn(channel.id)) this.ownCount--;
  }

  private isOwn(id: number): boolean {
    return (id & 1) === (this.nextId & 1);
  }

  private createChannel(id: number, target: Target): Channel {
    return new Channel(id, target, this, this.windowBytes, this.peerWindowBytes);
  }

  private refusalOf(target: Target): [ResetCode, string] | undefined {
    if (this.end) return [ResetCode.Aborted, LINK_OVER];
    if (target.kind === "tcp" && !isHost(target.host)) return [ResetCode.NameNotFound, "not a host"];
    if (this.ownCount >= this.peerMaxChannels || this.nextId > 0xffffffff)
      return [ResetCode.Resource, `no more than ${this.ownCount} channels`];
    return undefined;
  }

  /** Its user hears of a reset that this end did not ask for. */
  tellReset(channel: Channel, code: ResetCode, detail: string): void {
    this.events.push({ type: "reset", channel, code, detail });
  }

  private finish(end: LinkEnd): void {
    if (this.end) return;
    this.end = end;
    this.mustGoAway = end.by !== "peer";
    for (const channel of this.channels.values()) {
      if (channel.step("reset")) {
        channel.drop();
        this.tellReset(channel, ResetCode.Aborted, end.detail || LINK_OVER);
      }
    }
    this.channels.clear();
    this.control.clear();
    this.events.push({ type: "closed", end });
    this.onWork();
  }

  private sendReason(type: number, id: number, code: number, text: string): void {
    const detail = asDetail(text);
    this.writer
      .frame(type, id, 1 + detail.length)
      .u8(code)
      .text(detail);
  }

  private sendControl(maxBytes: number, nowMs: number): void {
    const { control, refusals, writer } = this;
    const limit = maxBytes - HEADER_BYTES - MAX_SMALL_BYTES;
    while (refusals.length > 0 && writer.bytes < limit)
      this.sendReason(Frame.Reset, refusals.shift() ?? 0, ResetCode.Resource, "");
    for (let channel = control.peek(); channel && writer.bytes < limit; channel = control.peek()) {
      control.shift();
      channel.isInControl = false;
      this.sendNotes(channel, nowMs);
    }
  }

  /** The small frames of one channel: at most OPEN or OPENED, and WINDOW; or RESET. */
  private sendNotes(channel: Channel, nowMs: number): void {
    const { windows, writer } = this;
    const { id, window, resetCode, mustOpen, mustOpened } = channel;
    channel.mustOpen = false;
    channel.mustOpened = false;
    if (!channel.isClosed) {
      if (mustOpen) writeOpen(writer, id, channel.target);
      if (mustOpened) writer.frame(Frame.Opened, id, 0);
      if (windows) windows.resize(window, nowMs);
      const { due } = window;
      window.allowed += due;
      if (due > 0) writer.frame(Frame.Window, id, 4).u32(due);
    } else if (resetCode !== undefined && !mustOpen) {
      this.sendReason(Frame.Reset, id, resetCode, channel.resetDetail);
    }
    this.settle(channel);
  }

  private sendData(maxBytes: number, nowMs: number): void {
    const { flight, schedule, writer } = this;
    const longest = flight.control ? flight.control.frameBytes : MAX_DATA_BYTES;
    const shortest = flight.control ? longest >> 1 : MIN_DATA_BYTES;
    this.resumeMs = Infinity;
    schedule.quantumBytes = Math.min(longest, QUANTUM_BYTES);
    for (let channel = schedule.next(); channel; channel = schedule.next()) {
      const room = Math.min(maxBytes - writer.bytes, flight.room(nowMs)) - HEADER_BYTES;
      // What is in flight makes more room; with nothing there a frame is as long as it may be.
      if (room < (flight.isEmpty ? 1 : shortest)) {
        if (flight.control && flight.control.resumeMs > nowMs) this.resumeMs = flight.control.resumeMs;
        return;
      }
      const before = writer.bytes;
      const most = schedule.isUncontended ? longest : schedule.quantumBytes;
      const bytes = Math.min(channel.queuedBytes, channel.sendCredit, room, most);
      if (bytes > 0) {
        writer.frame(Frame.Data, channel.id, bytes);
        channel.take(bytes, writer);
      }
      if (channel.failure && channel.queuedBytes === 0) channel.reset(...channel.failure);
      if (channel.mustEnd && channel.step("send-end")) writer.frame(Frame.End, channel.id, 0);
      schedule.sent(channel, writer.bytes - before, channel.hasWork);
      flight.sent(writer.bytes - before, nowMs);
      this.settle(channel);
      if (
        channel.isBlocked &&
        channel.queuedBytes <= (this.queuedBytes < QUEUE_BYTES ? LOW_WATER_BYTES : 0)
      ) {
        channel.isBlocked = false;
        this.events.push({ type: "writable", channel });
      }
    }
    if (flight.control) flight.control.ranDry();
  }

  private receiveFrame(type: number, id: number, payload: Uint8Array, nowMs: number): void {
    if (!this.hasHello && type !== Frame.Hello && type !== Frame.GoAway)
      throw new PeerError(`read frame of type ${type}`, "before the hello");
    switch (type) {
      case Frame.Hello:
        return this.receiveHello(payload);
      case Frame.GoAway:
        return this.finish({ by: "peer", code: goAwayFrom(payload[0]), detail: readDetail(payload) });
      case Frame.Ping:
        this.pong = payload.slice();
        return;
      case Frame.Pong:
        return;
      case Frame.Ack:
        return this.flight.acknowledged(
          readU32(payload, 0) * 4_294_967_296 + readU32(payload, 4),
          nowMs,
          readU32(payload, 8),
        );
      case Frame.Open:
        return this.receiveOpen(id, payload);
      default: {
        const channel = this.channels.get(id);
        if (channel && !channel.isClosed) this.receiveOn(channel, type, payload);
        else if (!channel && id >= (this.isOwn(id) ? this.nextId : this.nextPeerId))
          throw new PeerError(`read frame of type ${type}`, `channel ${id} was never opened`);
      }
    }
  }

  private receiveHello(payload: Uint8Array): void {
    if (this.hasHello) throw new PeerError("read hello", "it is the second");
    const hello = readHello(payload);
    for (const channel of this.channels.values()) {
      channel.sendCredit += hello.windowBytes - this.peerWindowBytes;
      this.dataReady(channel);
    }
    this.hasHello = true;
    this.peerWindowBytes = hello.windowBytes;
    this.peerMaxChannels = hello.maxChannels;
    this.events.push({ type: "hello", hello });
  }

  private receiveOpen(id: number, payload: Uint8Array): void {
    if (this.isOwn(id) || id < this.nextPeerId)
      throw new PeerError(`open channel ${id}`, `${this.nextPeerId} is the next`);
    this.nextPeerId = id + 2;
    const target = readOpen(payload);
    if (this.channels.size - this.ownCount >= this.maxChannels) {
      if (this.refusals.push(id) > MAX_REFUSALS)
        throw new PeerError(`refuse channel ${id}`, `${MAX_REFUSALS} refusals are waiting`, GoAway.Flood);
      return;
    }
    const channel = this.createChannel(id, target);
    this.channels.set(id, channel);
    this.events.push({ type: "open", channel });
  }

  private receiveOn(channel: Channel, type: number, payload: Uint8Array): void {
    switch (type) {
      case Frame.Opened:
        channel.receiveStep("receive-opened");
        this.events.push({ type: "opened", channel });
        return;
      case Frame.Data:
        channel.receiveStep("receive-data");
        channel.window.receive(payload.length);
        this.heldBytes += payload.length;
        this.events.push({ type: "data", channel, bytes: payload });
        return;
      case Frame.End:
        channel.receiveStep("receive-end");
        this.events.push({ type: "end", channel });
        return this.settle(channel);
      case Frame.Reset:
        channel.receiveStep("reset");
        channel.drop();
        return this.tellReset(channel, resetCodeFrom(payload[0]), readDetail(payload));
      default:
        channel.grant(readU32(payload, 0));
        this.dataReady(channel);
    }
  }
}
