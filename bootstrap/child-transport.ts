/** A child process of this machine as a TransportProcess: what OpenSSH and the local transport share. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import { PassThrough } from "node:stream";
import type { Readable, Writable } from "node:stream";
import type { TransportExit, TransportProcess } from "./transport.ts";

/**
 * How long stderr may stay open and silent after the process has ended and its stdout is closed. With ControlPersist and
 * -v, ssh leaves a master in the background that keeps stderr for as long as it lives.
 */
const STDERR_GRACE_MS = 1000;

export interface ChildOptions {
  /**
   * Whether it gets a session of its own: kill() reaches all that it started, and no key that is pressed on our
   * terminal does. Default: no, for ssh asks on our terminal.
   */
  readonly ownSession?: boolean;
  readonly stderrGraceMs?: number;
  /** A descriptor for its stdin, and what writes to the other end of it; default: a pipe. The descriptor is closed here. */
  readonly stdin?: { readonly fd: number; readonly writable: Writable } | undefined;
}

/** Starts a program of this machine with three pipes. */
export function spawnChild(
  program: string,
  args: readonly string[],
  { ownSession = false, stderrGraceMs = STDERR_GRACE_MS, stdin: given }: ChildOptions = {},
): TransportProcess {
  let child: ChildProcess;
  try {
    child = spawn(program, args, { stdio: [given?.fd ?? "pipe", "pipe", "pipe"], detached: ownSession });
  } catch (cause) {
    // E2BIG, a NUL byte in an argument: spawn() throws what it otherwise emits.
    return notStarted(cause);
  } finally {
    if (given !== undefined) closeSync(given.fd);
  }
  const { stdout, stderr } = child;
  const stdin = given?.writable ?? child.stdin;
  // Without file descriptors to spare there is neither a process nor a pipe; "error" has the reason.
  if (stdin === null || stdout === null || stderr === null) {
    return { ...closedStreams(), pid: undefined, exit: exitOf(child), kill: () => undefined };
  }
  // EPIPE and ECONNRESET mean that nobody reads any more. Why, says `exit`.
  stdin.on("error", () => undefined);
  const stderrHere = new PassThrough();
  stderr.pipe(stderrHere);
  child.once("exit", () => {
    keepUnread(stdout);
    if (stdout.closed) endInTime(stderr, stderrHere, stderrGraceMs);
    else stdout.once("close", () => endInTime(stderr, stderrHere, stderrGraceMs));
  });
  // From then on its number may be another's.
  let isClosed = false;
  child.once("close", () => (isClosed = true));
  const exit = exitOf(child);
  const closed = new Promise((resolve) => stderrHere.once("close", resolve));
  return {
    stdin,
    stdout,
    stderr: stderrHere,
    pid: child.pid,
    exit: handled(exit.then((outcome) => closed.then(() => outcome))),
    kill: (signal) => {
      if (!ownSession) child.kill(signal);
      else if (!isClosed) killGroup(child.pid, signal);
    },
  };
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: gone this moment.
  }
}

/**
 * When a child exits, Node drains what nobody reads yet (flushStdio in lib/internal/child_process.js), in the next
 * tick: without a listener the bytes are lost. Over that moment there is one, and then the stream is as it was.
 */
function keepUnread(stream: Readable): void {
  if (stream.readableFlowing !== null) return;
  const listener = (): void => undefined;
  stream.on("readable", listener);
  setImmediate(() => stream.off("readable", listener));
}

/** Lets go of a pipe that someone else keeps open; its reader here sees an ordinary end. */
function endInTime(stderr: Readable, stderrHere: PassThrough, graceMs: number): void {
  if (stderr.closed) return;
  const timer = setTimeout(() => {
    // A slow reader is no reason to throw away what it has still to get.
    if (stderrHere.writableNeedDrain) return;
    stderr.destroy();
    stderrHere.end();
  }, graceMs);
  stderr.on("data", () => timer.refresh());
  stderrHere.on("drain", () => timer.refresh());
  stderr.once("close", () => clearTimeout(timer));
}

function exitOf(child: ChildProcess): Promise<TransportExit> {
  const exit = new Promise<TransportExit>((resolve, reject) => {
    // Emitted for a signal that cannot be delivered, too; only without a pid does it mean "not started".
    child.on("error", (error) => {
      if (child.pid === undefined) reject(error);
    });
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  return handled(exit);
}

function notStarted(cause: unknown): TransportProcess {
  const exit = new Promise<TransportExit>((_resolve, reject) => reject(cause));
  return { ...closedStreams(), pid: undefined, exit: handled(exit), kill: () => undefined };
}

/** Streams of a process that never was: input is discarded, output has ended. */
function closedStreams(): Pick<TransportProcess, "stdin" | "stdout" | "stderr"> {
  const stdin = new PassThrough();
  stdin.resume();
  return { stdin, stdout: new PassThrough().end(), stderr: new PassThrough().end() };
}

/** A rejection may come before anyone waits for it; it is no unhandled one for that. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
