import type { Readable, Writable } from "node:stream";

export interface TransportExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** The far end of a TCP connection of this process. */
export interface TransportPeer {
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
}

/** A command started on the far side, as seen from here: three byte streams and an end. */
export interface TransportProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The local process that carries it, where there is one (ssh, or the command itself). */
  readonly pid: number | undefined;
  /** Where this process itself is connected to for it; absent of a transport that leaves that to another one. */
  peers?(): readonly TransportPeer[];
  /** Resolves once, after the process has ended and stdout and stderr are closed. Rejects if it could not start. */
  readonly exit: Promise<TransportExit>;
  kill(signal: NodeJS.Signals): void;
}

/** A way to start one command where the agent shall live. */
export interface Transport {
  /** For messages: "ssh user@host", "this machine". */
  readonly description: string;
  /** `command` is one string, read there by the login shell (see docs/bootstrap.md for its alphabet). */
  spawn(command: string): TransportProcess;
  /** The same on a terminal there, where there is a way: stderr comes in stdout, and keys are what stdin makes of them. */
  spawnOnTerminal?(command: string, size: TerminalSize): TerminalProcess;
}

/** In characters. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface TerminalProcess extends TransportProcess {
  /** False if the size cannot be changed any more. */
  resize(size: TerminalSize): boolean;
}
