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
  close(fd: number): number;
}

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
  const close = libc.func("int close(int)");
  // Read right after the call: koffi keeps the thread's errno from then on only until the next call through it.
  const orErrno = (result: unknown): number => (Number(result) < 0 ? -koffi.errno() : Number(result));
  const length = new Uint32Array(1);
  return {
    socket: (domain, type, protocol) => orErrno(socket(domain, type, protocol)),
    bind: (fd, address) => orErrno(bind(fd, address, address.length)),
    getsockopt: (fd, level, name, value) => {
      length[0] = value.length;
      const result = orErrno(getsockopt(fd, level, name, value, length));
      return result < 0 ? result : length[0];
    },
    setsockopt: (fd, level, name, value) => orErrno(setsockopt(fd, level, name, value, value.length)),
    send: (fd, bytes, flags) => orErrno(send(fd, bytes, bytes.length, flags)),
    receive: (fd, buffer, flags) => orErrno(recv(fd, buffer, buffer.length, flags)),
    close: (fd) => orErrno(close(fd)),
  };
}
