/**
 * The few system calls that Node has no API for, behind one interface.
 *
 * koffi is the way today; node:ffi can take its place without a change elsewhere. It is loaded at the first
 * use, so that commands which need no call (SOCKS, bundle) neither pay for it nor require it.
 */
import { createRequire } from "node:module";
import { getSystemErrorName } from "node:util";
import { FirewallError } from "./firewall/errors.ts";

/** Each call returns 0 or more, or minus errno, as the kernel itself does. */
export interface SystemCalls {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array): number;
  /** Fills `value`; returns the number of bytes that the option has. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  /** Returns the number of bytes sent. */
  send(fd: number, bytes: Uint8Array, flags: number): number;
  /** Returns the number of bytes received; 0 at the end of a stream. */
  receive(fd: number, buffer: Uint8Array, flags: number): number;
  listen(fd: number, backlog: number): number;
  /** Returns a descriptor that does not block and does not survive exec. */
  accept(fd: number): number;
  /** Fills `address` with a socket address, see parseSocketAddress(). */
  getsockname(fd: number, address: Uint8Array): number;
  getpeername(fd: number, address: Uint8Array): number;
  /** Returns the number of bytes read; 0 at the end. */
  read(fd: number, buffer: Uint8Array): number;
  /** `vectors`: `count` times address and length, 8 bytes each. Returns the number of bytes written. */
  writev(fd: number, vectors: Uint8Array, count: number): number;
  shutdown(fd: number, how: number): number;
  /** Another descriptor of the same file; it does not survive exec. */
  duplicate(fd: number): number;
  close(fd: number): number;
  epollCreate(): number;
  /** `event`: one struct epoll_event. */
  epollControl(epoll: number, operation: number, fd: number, event: Uint8Array): number;
  /** Fills `events`, without waiting; returns how many there are. */
  epollWait(epoll: number, events: Uint8Array, most: number): number;
  /** Where its memory is. It must be outside of V8's heap: longer than 64 bytes, or a view of something that is. */
  addressOf(bytes: Uint8Array): number;
  /** Calls back in the event loop while the descriptor is readable. The event loop runs for as long as it is held. */
  watch(fd: number, ready: () => void): Watch;
}

/** It must be referred to for as long as it shall call back. */
export interface Watch {
  hold(): void;
  release(): void;
}

/** Source: bits/socket_type.h, linux/fcntl.h, sys/epoll.h; on every Linux but alpha, hppa, mips and sparc. */
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x8_0000;
const EPOLL_CLOEXEC = 0x8_0000;
const F_DUPFD_CLOEXEC = 1030;

let loaded: SystemCalls | undefined;

/**
 * The system calls, loaded once.
 * @throws FirewallError "firewall-ffi-missing" if koffi is not installed or has no build for this machine.
 */
export function systemCalls(): SystemCalls {
  loaded ??= bindCalls(loadKoffi());
  return loaded;
}

/** The name of a negative result, "ENOENT" for -2. */
export function errnoName(result: number): string {
  return getSystemErrorName(result);
}

type Koffi = typeof import("koffi");

function loadKoffi(): Koffi {
  try {
    const koffi: Koffi = createRequire(import.meta.url)("koffi");
    return koffi;
  } catch (cause) {
    throw new FirewallError(
      "firewall-ffi-missing",
      "Cannot capture connections: the optional package koffi cannot be loaded",
      { hint: "install koffi, or use --method socks, which needs neither it nor root", cause },
    );
  }
}

function bindCalls(koffi: Koffi): SystemCalls {
  const libc = koffi.load(null);
  // ssize_t is unknown to koffi; intptr has its size.
  const socket = libc.func("int socket(int, int, int)");
  const bind = libc.func("int bind(int, const void *, uint32)");
  const getsockopt = libc.func("int getsockopt(int, int, int, void *, uint32 *)");
  const setsockopt = libc.func("int setsockopt(int, int, int, const void *, uint32)");
  const send = libc.func("intptr send(int, const void *, uintptr, int)");
  const recv = libc.func("intptr recv(int, void *, uintptr, int)");
  const listen = libc.func("int listen(int, int)");
  const accept4 = libc.func("int accept4(int, void *, void *, int)");
  const getsockname = libc.func("int getsockname(int, void *, uint32 *)");
  const getpeername = libc.func("int getpeername(int, void *, uint32 *)");
  const read = libc.func("intptr read(int, void *, uintptr)");
  const writev = libc.func("intptr writev(int, const void *, int)");
  const shutdown = libc.func("int shutdown(int, int)");
  const fcntl = libc.func("int fcntl(int, int, int)");
  const close = libc.func("int close(int)");
  const epollCreate = libc.func("int epoll_create1(int)");
  const epollControl = libc.func("int epoll_ctl(int, int, int, const void *)");
  const epollWait = libc.func("int epoll_wait(int, void *, int, int)");
  // Read right after the call: koffi keeps the thread's errno from then on only until the next call through it.
  const orErrno = (result: unknown): number => (Number(result) < 0 ? -koffi.errno() : Number(result));
  const length = new Uint32Array(1);
  const withLength = (
    call: (fd: number, value: Uint8Array) => unknown,
    fd: number,
    value: Uint8Array,
  ): number => {
    length[0] = value.length;
    return orErrno(call(fd, value));
  };
  return {
    socket: (domain, type, protocol) => orErrno(socket(domain, type, protocol)),
    bind: (fd, address) => orErrno(bind(fd, address, address.length)),
    getsockopt: (fd, level, name, value) => {
      const result = withLength((f, v) => getsockopt(f, level, name, v, length), fd, value);
      return result < 0 ? result : (length[0] ?? 0);
    },
    setsockopt: (fd, level, name, value) => orErrno(setsockopt(fd, level, name, value, value.length)),
    send: (fd, bytes, flags) => orErrno(send(fd, bytes, bytes.length, flags)),
    receive: (fd, buffer, flags) => orErrno(recv(fd, buffer, buffer.length, flags)),
    listen: (fd, backlog) => orErrno(listen(fd, backlog)),
    accept: (fd) => orErrno(accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC)),
    getsockname: (fd, address) => withLength((f, value) => getsockname(f, value, length), fd, address),
    getpeername: (fd, address) => withLength((f, value) => getpeername(f, value, length), fd, address),
    read: (fd, buffer) => orErrno(read(fd, buffer, buffer.length)),
    writev: (fd, vectors, count) => orErrno(writev(fd, vectors, count)),
    shutdown: (fd, how) => orErrno(shutdown(fd, how)),
    duplicate: (fd) => orErrno(fcntl(fd, F_DUPFD_CLOEXEC, 0)),
    close: (fd) => orErrno(close(fd)),
    epollCreate: () => orErrno(epollCreate(EPOLL_CLOEXEC)),
    epollControl: (epoll, operation, fd, event) => orErrno(epollControl(epoll, operation, fd, event)),
    epollWait: (epoll, events, most) => orErrno(epollWait(epoll, events, most, 0)),
    addressOf: (bytes) => Number(koffi.address(bytes)),
    watch(fd, ready) {
      const handle = koffi.node.poll(fd, { readable: true }, ready);
      return { hold: () => handle.ref(), release: () => handle.unref() };
    },
  };
}
