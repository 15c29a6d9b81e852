/** Programs run by `startProgram` on a chosen runtime of this machine, with streams that a test can hold on to. */
import { createHash } from "node:crypto";
import { PassThrough, Writable } from "node:stream";
import { localTransport } from "../../bootstrap/local.ts";
import type { Transport } from "../../bootstrap/transport.ts";
import type { Bundle } from "../../bundler/format.ts";
import { readRunAgentBundle } from "../../client/agent-bundle.ts";
import { Output } from "../../client/run/output.ts";
import { startProgram } from "../../client/run/run-program.ts";
import type { ProgramRequest, RunningProgram } from "../../client/run/run-program.ts";

/** Takes everything, or while it is stalled nothing; keeps what it took. */
export class Sink extends Writable {
  bytes = 0;
  private stalled: (() => void) | undefined;
  private isStalled = false;
  ended = false;
  private readonly pieces: Buffer[] = [];
  private readonly hash = createHash("sha256");
  private readonly watchers = new Set<() => void>();

  override _write(piece: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.bytes += piece.length;
    this.hash.update(piece);
    if (this.bytes < 1_000_000) this.pieces.push(piece);
    for (const watch of this.watchers) watch();
    if (this.isStalled) this.stalled = done;
    else done();
  }

  /** Nothing is taken behind what comes next. */
  stall(): void {
    this.isStalled = true;
  }

  resume(): void {
    this.isStalled = false;
    this.stalled?.();
  }

  override _final(done: () => void): void {
    this.ended = true;
    for (const watch of this.watchers) watch();
    done();
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString();
  }

  get buffer(): Buffer {
    return Buffer.concat(this.pieces);
  }

  digest(): string {
    return this.hash.digest("hex");
  }

  /** Resolves when the condition holds; it is asked whenever something comes. */
  async until(condition: (sink: Sink) => boolean): Promise<void> {
    if (condition(this)) return;
    await new Promise<void>((resolve) => {
      const watch = (): void => {
        if (!condition(this)) return;
        this.watchers.delete(watch);
        resolve();
      };
      this.watchers.add(watch);
    });
  }

  async shows(text: string): Promise<void> {
    await this.until((sink) => sink.text.includes(text));
  }
}

export interface Running extends RunningProgram {
  readonly stdin: PassThrough;
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** What we said ourselves. */
  readonly log: string[];
}

export interface RunThereOptions extends Partial<
  Pick<ProgramRequest, "args" | "env" | "directory" | "agentOptions">
> {
  readonly program: Bundle;
  readonly runtime: string;
  readonly transport?: Transport;
}

export async function start(options: RunThereOptions): Promise<Running> {
  const [stdin, stdout, stderr] = [new PassThrough(), new Sink(), new Sink()];
  const log: string[] = [];
  const running = await startProgram({
    transport: localTransport(),
    args: [],
    env: {},
    directory: process.cwd(),
    ...options,
    agent: await readRunAgentBundle(),
    stdin,
    stdout: new Output(stdout, true),
    stderr: new Output(stderr, true),
    log: (_level, text) => void log.push(text),
  });
  return { ...running, stdin, stdout, stderr, log };
}

/** Starts it, gives it `input`, and waits for its end. */
export async function runToEnd(
  options: RunThereOptions,
  input: string | Uint8Array = "",
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
  const running = await start(options);
  running.stdin.end(input);
  const status = await running.status;
  return { status, stdout: running.stdout.text, stderr: running.stderr.text };
}
