/** A listening socket by system calls: what it accepts is a DescriptorSocket. */
import { openSync } from "node:fs";
import { errnoName, SOCK_CLOEXEC, SOCK_NONBLOCK } from "../ffi.ts";
import type { Endpoint } from "../firewall/plan.ts";
import { BACKLOG, listenFailed } from "../intake/listener.ts";
import type { Listener } from "../intake/listener.ts";
import type { ListenAddress } from "../listen-address.ts";
import {
  ADDRESS_FAMILY,
  encodeSocketAddress,
  parseSocketAddress,
  SOCKADDR_BYTES,
} from "../socket-address.ts";
import { DescriptorSocket } from "./descriptor-socket.ts";
import type { DescriptorContext } from "./descriptor-socket.ts";
import { READABLE } from "./readiness.ts";

/** Source: asm-generic/socket.h, linux/in.h, linux/in6.h, linux/tcp.h. */
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const ON = new Uint8Array(new Int32Array([1]).buffer);

/** Accepted before other descriptors have their turn. */
const MAX_ACCEPTS = 64;

/** Without a descriptor even for refusing: how long to wait for one, ms. */
const RETRY_MS = 100;

/**
 * Listens and hands every accepted socket, paused, to `accept`.
 * @throws ClientError "listen-failed" naming the address and the system's reason.
 */
export function listenByDescriptor(
  address: ListenAddress,
  context: DescriptorContext,
  accept: (socket: DescriptorSocket) => void,
): Listener {
  return new DescriptorListener(address, context, accept);
}

class DescriptorListener implements Listener {
  readonly endpoint: Endpoint;
  private readonly context: DescriptorContext;
  private readonly accepted: (socket: DescriptorSocket) => void;
  private readonly fd: number;
  private readonly sockets: Set<DescriptorSocket>;
  private readonly ready: () => void;
  /** Given up for a moment to accept, and so refuse, a connection for which there is no descriptor. */
  private spare: number | undefined;
  private isListening: boolean;

  constructor(
    address: ListenAddress,
    context: DescriptorContext,
    accepted: (socket: DescriptorSocket) => void,
  ) {
    this.context = context;
    this.accepted = accepted;
    this.sockets = new Set();
    this.ready = () => this.acceptAll();
    this.fd = bindAndListen(address, context);
    const bound = new Uint8Array(SOCKADDR_BYTES[address.family]);
    context.calls.getsockname(this.fd, bound);
    this.endpoint = { ...address, port: parseSocketAddress(address.family, bound).port };
    this.spare = openSpare();
    this.isListening = true;
    this.watch(true);
  }

  /** Stops accepting and resets what is still open. */
  close(): Promise<void> {
    if (this.isListening) {
      this.watch(false);
      this.isListening = false;
      this.context.calls.close(this.fd);
      if (this.spare !== undefined) this.context.calls.close(this.spare);
    }
    for (const socket of this.sockets) socket.resetAndDestroy();
    return Promise.resolve();
  }

  private watch(isWatched: boolean): void {
    const after = isWatched ? READABLE : 0;
    this.context.readiness.change(this.fd, READABLE - after, after, this.ready);
  }

  private acceptAll(): void {
    for (let i = 0; i < MAX_ACCEPTS && this.isListening; i++) {
      const fd = this.context.calls.accept(this.fd);
      if (fd >= 0) this.take(fd);
      else if (isOutOfDescriptors(fd)) return this.refuse();
      // ECONNABORTED and what accept(2) lists for the connection itself: the next one may be well.
      else if (errnoName(fd) === "EAGAIN") return;
    }
  }

  private take(fd: number): void {
    const socket = new DescriptorSocket(fd, this.context);
    this.sockets.add(socket);
    socket.onGone = () => this.sockets.delete(socket);
    this.accepted(socket);
  }

  /** A connection that stays in the queue would be reported again and again: it is taken, and reset. */
  private refuse(): void {
    const { calls } = this.context;
    if (this.spare !== undefined) {
      calls.close(this.spare);
      const fd = calls.accept(this.fd);
      if (fd >= 0) new DescriptorSocket(fd, this.context).resetAndDestroy();
      this.spare = openSpare();
      return;
    }
    this.watch(false);
    setTimeout(() => {
      if (!this.isListening) return;
      this.spare = openSpare();
      this.watch(true);
    }, RETRY_MS);
  }
}

function bindAndListen(address: ListenAddress, { calls }: DescriptorContext): number {
  const fd = calls.socket(ADDRESS_FAMILY[address.family], SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw listenFailed(address, errnoName(fd));
  const steps = [
    () => calls.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ON),
    () => (address.family === 6 ? calls.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, ON) : 0),
    // What is accepted has it from here.
    () => calls.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, ON),
    () => calls.bind(fd, encodeSocketAddress(address)),
    () => calls.listen(fd, BACKLOG),
  ];
  for (const step of steps) {
    const result = step();
    if (result >= 0) continue;
    calls.close(fd);
    throw listenFailed(address, errnoName(result));
  }
  return fd;
}

function openSpare(): number | undefined {
  try {
    return openSync("/dev/null", "r");
  } catch {
    return undefined;
  }
}

function isOutOfDescriptors(result: number): boolean {
  return ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"].includes(errnoName(result));
}
