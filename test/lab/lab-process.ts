/** A command started in the lab: its captured output, its end, and waiting for either by events. */
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Output extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** Put in front of the process in a process group of its own, to be signalled as one. */
  readonly detached?: boolean | undefined;
  /** Leaves stdout to the caller as a stream, for more than fits in a string. */
  readonly rawStdout?: boolean | undefined;
}

/** How long a test waits for something that ought to happen. Generous: two cores, shared. */
export const PATIENCE_MS = 20_000;

export class LabProcess {
  readonly pid: number;
  /** Resolves when the process has ended and its output is complete. */
  readonly exit: Promise<Output>;
  readonly stdin: Writable;
  /** Captured here unless `rawStdout` was asked for. */
  readonly stdoutStream: Readable;
  stdout = "";
  stderr = "";
  private readonly title: string;
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private ended = false;
  private readonly watchers = new Set<() => void>();

  constructor(argv: readonly [string, ...string[]], options: SpawnOptions = {}) {
    const [command, ...args] = argv;
    this.title = argv.join(" ").slice(0, 500);
    this.child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      detached: options.detached ?? false,
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.pid = this.child.pid ?? -1;
    this.stdin = this.child.stdin;
    this.stdoutStream = this.child.stdout;
    // A process that ends without reading its input is no fault of the writer.
    this.stdin.on("error", () => {});
    if (options.rawStdout !== true) {
      this.child.stdout.setEncoding("utf8").on("data", (text: string) => this.take("stdout", text));
    }
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => this.take("stderr", text));
    this.exit = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (code, signal) => {
        this.ended = true;
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
        this.wake();
      });
    });
    // Whoever awaits `exit` sees the failure to start; nobody has to.
    this.exit.catch(() => {});
  }

  /** Everything that was said so far, for messages. */
  get said(): string {
    return `${this.title}\n${this.stderr}${this.stdout}`;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Signals the process group. Only of a process that was started `detached`. */
  killGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  /**
   * The first match of `pattern` in either output, past or to come.
   * @throws Error with all output, if the process ends or `timeoutMs` passes before that.
   */
  async output(pattern: RegExp, timeoutMs: number = PATIENCE_MS): Promise<RegExpExecArray> {
    const find = (): RegExpExecArray | null => pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
    return await new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.watchers.delete(look);
        settle();
      };
      const fail = (why: string): void =>
        finish(() => reject(new Error(`Cannot find ${pattern} in the output: ${why}\n${this.said}`)));
      const timer = setTimeout(() => fail(`${timeoutMs} ms have passed`), timeoutMs);
      const look = (): void => {
        const match = find();
        if (match !== null) finish(() => resolve(match));
        else if (this.ended) fail("the process has ended");
      };
      this.watchers.add(look);
      look();
    });
  }

  /** The end of the process. @throws Error with all output, if `timeoutMs` passes before that. */
  async end(timeoutMs: number = PATIENCE_MS): Promise<Output> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`Still running after ${timeoutMs} ms: ${this.said}`)),
        timeoutMs,
      );
    });
    try {
      return await Promise.race([this.exit, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private take(stream: "stdout" | "stderr", text: string): void {
    this[stream] += text;
    this.wake();
  }

  private wake(): void {
    for (const look of this.watchers) look();
  }
}

/**
 * Waits until `condition` gives something, for what the kernel offers no event for (a process table, the
 * rules in force). @throws Error that names `what`, if `timeoutMs` passes before that.
 */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T | undefined> | T | undefined,
  timeoutMs: number = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
