/**
 * Runs one program: a process of the same runtime, in a session of its own, whose streams are channels.
 *
 * It starts when START and all four streams are there, in whatever order they come. It ends with the link: hung up
 * first, killed when it does not go.
 */
import { spawn } from "child_process";
import type { ChildProcess } from "child_process";
import { Duplex } from "stream";
import type { Readable } from "stream";
import { asBuffer } from "../wire/as-buffer.ts";
import type { Channel } from "../wire/channel.ts";
import { PeerError } from "../wire/codes.ts";
import { HalfSocket } from "../wire/half-socket.ts";
import { HeldChannel } from "../wire/held-channel.ts";
import { encodeReport, MessageReader, parseRequest, RunKind } from "../wire/run-control.ts";
import type { RunReport, RunRequest } from "../wire/run-control.ts";
import { splice } from "../wire/splice.ts";
import { reportOf, runtimeArgs } from "./child-runtime.ts";

export interface RunOptions {
  /** From hanging up to killing, ms. */
  readonly graceMs?: number | undefined;
  /** Silence of an output that outlives the program, after which it counts as ended, ms. */
  readonly lingerMs?: number | undefined;
}

export interface RunShell {
  /** The peer broke the rules: the link must end. */
  readonly fail: (error: PeerError) => void;
  /** The program has ended, and all that there is to say has been sent. */
  readonly finish: () => void;
  readonly log: (line: string) => void;
}

/** Time to tidy up after a hang-up: what systemd and init scripts grant is longer, but nobody waits here. */
export const GRACE_MS = 5000;

/**
 * A background process may hold the output for as long as it lives. ssh waits for it, and many a command line
 * hangs for that; a second of silence tells it from output that is still on its way.
 */
export const LINGER_MS = 1000;

/** The descriptor by which the program's loader talks to the client. */
const LOADER_FD = 3;

/** What a terminal sends to all that it has started; other signals are meant for the program alone. */
const FOR_THE_GROUP = /^SIG(HUP|INT|QUIT|WINCH)$/;

const STREAMS: readonly number[] = [RunKind.Stdin, RunKind.Stdout, RunKind.Stderr, RunKind.Loader];

export class RunService {
  private readonly shell: RunShell;
  private readonly graceMs: number;
  private readonly lingerMs: number;
  private readonly streams: { [kind: number]: { readonly channel: Channel; readonly held: HeldChannel } };
  private control: Channel | undefined;
  private text: string | undefined;
  private child: ChildProcess | undefined;
  private isOver: boolean;
  /** The program has, and its report is written to the control channel. */
  private hasEnded: boolean;

  constructor(shell: RunShell, options: RunOptions) {
    this.shell = shell;
    this.graceMs = options.graceMs || GRACE_MS;
    this.lingerMs = options.lingerMs || LINGER_MS;
    this.streams = {};
    this.control = undefined;
    this.text = undefined;
    this.child = undefined;
    this.isOver = false;
    this.hasEnded = false;
  }

  /** Takes a channel that the client opens; leaves it alone if it is of no kind that runs a program. */
  open(channel: Channel): void {
    const kind = channel.target.kind === "unknown" ? channel.target.number : 0;
    if (kind === RunKind.Control && !this.control) this.serve(channel);
    else if (STREAMS.indexOf(kind) >= 0 && !this.streams[kind]) {
      this.streams[kind] = { channel, held: new HeldChannel(channel) };
      this.begin();
    }
  }

  /** The link has nothing to transmit for now: everything may have been sent by then. */
  handleIdle(): void {
    const { control, hasEnded, streams } = this;
    if (!hasEnded || !control || control.queuedBytes > 0) return;
    const outputs = [streams[RunKind.Stdout], streams[RunKind.Stderr]];
    if (outputs.every((output) => output && hasSentAll(output.channel))) this.shell.finish();
  }

  /** The link is over, and so is the program; calls back when it has gone. */
  end(gone: () => void): void {
    const { child } = this;
    this.isOver = true;
    if (!child || !child.pid || !isAlive(child)) return gone();
    this.shell.log(`ending the program, process ${child.pid}`);
    const killing = setTimeout(() => {
      sendSignal(child, "SIGKILL", true);
      // Whatever its end is reported as, and whenever: nothing more can be done.
      gone();
    }, this.graceMs);
    child.once("exit", () => {
      clearTimeout(killing);
      gone();
    });
    sendSignal(child, "SIGHUP", true);
  }

  private serve(channel: Channel): void {
    const reader = new MessageReader(parseRequest);
    this.control = channel;
    channel.handler = {
      data: (_channel, bytes) => {
        channel.consume(bytes.length);
        try {
          for (const request of reader.push(bytes)) this.handleRequest(request);
        } catch (error) {
          if (!(error instanceof PeerError)) throw error;
          this.shell.fail(error);
        }
      },
      end: () => this.shell.fail(new PeerError("go on", "the control of the program has ended")),
      reset: () => undefined,
      writable: () => undefined,
    };
    channel.accept();
  }

  private handleRequest(request: RunRequest): void {
    switch (request.type) {
      case "start":
        if (this.text !== undefined) throw new PeerError("start the program", "it was started before");
        this.text = asBuffer(request.text).toString();
        return this.begin();
      case "signal":
        if (this.child) sendSignal(this.child, request.name, FOR_THE_GROUP.test(request.name));
    }
  }

  private begin(): void {
    const { text } = this;
    if (text === undefined || this.child || this.isOver || STREAMS.some((kind) => !this.streams[kind]))
      return;
    try {
      const child = (this.child = spawn(process.execPath, runtimeArgs(text), {
        stdio: ["pipe", "pipe", "pipe", "pipe"],
        // A session of its own: all that it starts can be reached, and no signal for it reaches us.
        detached: true,
      }));
      child.on("error", (error) => {
        // A signal that cannot be delivered is an error, too.
        if (!child.pid) this.reportFailure(error);
      });
      this.join(child);
    } catch (error) {
      this.reportFailure(error);
    }
  }

  private join(child: ChildProcess): void {
    const streams: unknown[] = Array.from(child.stdio || []);
    const loader = streams[LOADER_FD];
    const { stdin, stdout, stderr } = child;
    // No descriptors left: "error" follows, with the reason.
    if (!stdin || !stdout || !stderr || !(loader instanceof Duplex)) return;
    this.splice(RunKind.Stdin, new HalfSocket({ write: stdin }));
    this.splice(RunKind.Loader, new HalfSocket({ read: loader, write: loader }));
    const outputs: [number, Readable][] = [
      [RunKind.Stdout, stdout],
      [RunKind.Stderr, stderr],
    ];
    for (const [kind, output] of outputs) {
      const socket = new HalfSocket({ read: output });
      child.once("exit", () => letGo(output, socket, this.lingerMs));
      this.splice(kind, socket);
    }
    child.once("exit", (status: number | null, name: string | null) => {
      this.hasEnded = true;
      this.report(reportOf(status, name));
    });
    if (child.pid) this.report({ type: "started", pid: child.pid });
  }

  private splice(kind: number, socket: HalfSocket): void {
    const stream = this.streams[kind];
    if (!stream) return;
    splice(stream.channel, socket);
    stream.channel.accept();
    stream.held.release();
  }

  private reportFailure(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.report({ type: "failed", reason: new Uint8Array(Buffer.from(text)) });
  }

  private report(report: RunReport): void {
    if (this.control) this.control.write(encodeReport(report));
  }
}

function hasSentAll({ state }: Channel): boolean {
  return state === "local-ended" || state === "closed";
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Sends it to the program, or to all that it has started and that did not leave its group. */
function sendSignal(child: ChildProcess, name: string, toGroup: boolean): void {
  const { pid } = child;
  if (!pid || !isAlive(child)) return;
  try {
    process.kill(toGroup ? -pid : pid, name);
  } catch (_gone) {
    // ESRCH; or a signal that this system does not have.
  }
}

/** After the program's end: what it wrote is still read, what others write only as long as they are at it. */
function letGo(output: Readable, socket: HalfSocket, lingerMs: number): void {
  const timer = setInterval(() => {
    // A client that reads slowly is no silence.
    if (output.isPaused() || wasHeard) {
      wasHeard = false;
      return;
    }
    clearInterval(timer);
    socket.finish();
    output.destroy();
  }, lingerMs);
  let wasHeard = false;
  output.on("data", () => (wasHeard = true));
  output.on("close", () => clearInterval(timer));
}
