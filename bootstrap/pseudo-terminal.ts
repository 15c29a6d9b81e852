/**
 * A pseudo-terminal of this machine, for programs that take a window's size from their stdin. Node has no call for it;
 * koffi is the way today. Source: openpty(3), tty_ioctl(4); struct winsize and TIOCSWINSZ of Linux, the BSDs and macOS.
 */
import { createRequire } from "node:module";
import type { TerminalSize } from "./transport.ts";

export interface PseudoTerminal {
  /** What is written here comes out at `slave`. */
  readonly master: number;
  readonly slave: number;
  resize(size: TerminalSize): void;
}

/** Source: asm-generic/ioctls.h; sys/ttycom.h, _IOW('t', 103, struct winsize). */
const SET_WINDOW_SIZE = process.platform === "linux" ? 0x5414 : 0x80087467;

/** Undefined where koffi, or the C library's openpty, is not to be had. Both descriptors are the caller's to close. */
export function openPseudoTerminal(size: TerminalSize): PseudoTerminal | undefined {
  const calls = loadCalls();
  if (calls === undefined) return undefined;
  const [master, slave] = [new Int32Array(1), new Int32Array(1)];
  if (calls.openpty(master, slave, null, null, winsize(size)) !== 0) return undefined;
  const [masterFd = -1] = master;
  const [slaveFd = -1] = slave;
  return {
    master: masterFd,
    slave: slaveFd,
    resize: (next) => void calls.ioctl(masterFd, SET_WINDOW_SIZE, winsize(next)),
  };
}

/** 0: 2 rows   2: 2 columns   4: 4 pixels, unknown; in the machine's own order of bytes. */
function winsize({ rows, columns }: TerminalSize): Uint16Array {
  return Uint16Array.of(rows, columns, 0, 0);
}

interface Calls {
  openpty(master: Int32Array, slave: Int32Array, name: null, termios: null, size: Uint16Array): number;
  ioctl(fd: number, request: number, size: Uint16Array): number;
}

function loadCalls(): Calls | undefined {
  try {
    const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
    const libc = koffi.load(null);
    const openpty = libc.func("int openpty(int *, int *, void *, void *, void *)");
    const ioctl = libc.func("int ioctl(int, unsigned long, ...)");
    return {
      openpty: (...args) => Number(openpty(...args)),
      ioctl: (fd, request, size) => Number(ioctl(fd, request, "void *", size)),
    };
  } catch {
    return undefined;
  }
}
