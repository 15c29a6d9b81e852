/**
 * Starts a bundle on the far side of a transport, in one round trip.
 *
 * Everything is written at once: the line that stage 0 reads, stage 2, the payload, and the caller's first
 * input. Stage 2 answers with a line that begins with a random mark; what came before it is noise of login
 * scripts, what comes after it is the program's.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Duplex, PassThrough } from "node:stream";
import type { Readable, Writable } from "node:stream";
import type { Bundle } from "../bundler/format.ts";
import { BootstrapError } from "./errors.ts";
import { explainFailure, parseTried } from "./failure.ts";
import { MAX_NOISE_BYTES, MarkScanner } from "./mark-scanner.ts";
import { MarkedLines, withoutMarkedLines } from "./marked-lines.ts";
import { encodeMaps } from "./payload.ts";
import type { RuntimeProvider } from "./runtime-provider.ts";
import { COMMAND } from "./stage0.ts";
import { MARK_CHARS, encodeStages } from "./stage-texts.ts";
import type { Transport, TransportExit, TransportPeer, TransportProcess } from "./transport.ts";
import { Dialogue } from "./upload/dialogue.ts";
import { provideRuntime } from "./upload/provide-runtime.ts";
import { startScript } from "./upload/scripts.ts";

export type { Transport, TransportExit, TransportPeer, TransportProcess } from "./transport.ts";

export interface LaunchOptions {
  readonly transport: Transport;
  readonly bundle: Bundle;
  /** The program's process.argv from the third on. */
  readonly args?: readonly string[];
  /** Added to the program's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * When the source maps go there: "before" the program starts (default); "after", by the caller, who gives
   * `mapsPayload` to "sshuttle:loader" there; "none": traces have right lines and no columns.
   */
  readonly maps?: "before" | "after" | "none";
  /** Groups of the bundle to send beside the entry's; an import() that leads to another finds nothing there. */
  readonly groups?: readonly string[];
  /** The program's first input, sent without waiting for it to be ready. */
  readonly input?: Uint8Array;
  /** Shell words that start a runtime there, instead of searching one. */
  readonly runtime?: string | undefined;
  /** Has a runtime to upload if a search finds none that will do; without it that is an error. */
  readonly runtimes?: RuntimeProvider | undefined;
  /** What login scripts printed before the program's output began. */
  readonly onNoise?: (noise: Uint8Array) => void;
  /** Longest silence before ready, ms. Default 150,000: sshd gives a user 120 s to log in (LoginGraceTime). */
  readonly readyTimeoutMs?: number;
}

export interface RemoteRuntime {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  readonly arch: string;
  readonly pid: number;
}

/** A program that is loaded and running on the far side. */
export interface Launched {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** stdin and stdout as one stream. */
  duplex(): Duplex;
  readonly stderr: Readable;
  /** Resolves when the program has ended and its output is read. */
  readonly exit: Promise<TransportExit>;
  readonly runtime: RemoteRuntime;
  /** For maps "after". */
  readonly mapsPayload: Uint8Array;
  /** The local process of the transport, where there is one. */
  readonly pid: number | undefined;
  /** Where this process itself is connected to for it. */
  readonly peers: readonly TransportPeer[];
  kill(signal: NodeJS.Signals): void;
}

const READY_TIMEOUT_MS = 150_000;
/** How long a far side that closed its output may take to say why, and one told to end, to do so. */
const LAST_WORDS_MS = 5000;
/** Of what is sent at once; each piece that the transport takes is progress. */
const SLICE_BYTES = 65_536;
/** Of what it says on stderr before ready, the end is kept. */
const MAX_STDERR_BYTES = 65_536;

/**
 * Resolves when stage 2 has verified every module and is about to run the entry.
 * @throws BootstrapError with one cause and, where there is something to do, a hint. Nothing is left running.
 */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const { transport, bundle, maps = "before", args, env, groups, runtime } = options;
  const mark = randomBytes(MARK_CHARS / 2).toString("hex");
  // The command is always the same. What follows is made while ssh begins its work.
  const far = transport.spawn(COMMAND);
  // Its failure is seen as the end of stdout, and explained by the exit status.
  far.stdin.on("error", () => undefined);
  const stderr = new StderrTail(far.stderr, mark);
  try {
    const stages = encodeStages(bundle, { mark, args, env, groups, runtime, maps: maps === "before" });
    const { line, stage1, stage2, payload } = stages;
    const behindStage0 = Buffer.concat([stage2, payload, options.input ?? new Uint8Array()]);
    const ready = awaitMark(far, stderr, { mark, line: Buffer.from(line), stage1, behindStage0 }, options);
    // It is awaited when the maps have been made, in time that is ssh's.
    ready.catch(() => undefined);
    const mapsPayload = maps === "after" ? encodeMaps(bundle, groups) : new Uint8Array();
    const runtimeThere = await ready;
    const stderrRest = stderr.release();
    const stderrClosed = once(stderrRest, "close");
    const exit = far.exit.then((outcome) => stderrClosed.then(() => outcome));
    // Whoever does not ask how it ended need not hear that it failed.
    exit.catch(() => undefined);
    return {
      stdin: far.stdin,
      stdout: far.stdout,
      duplex: () => Duplex.from({ readable: far.stdout, writable: far.stdin }),
      stderr: stderrRest,
      exit,
      runtime: runtimeThere,
      mapsPayload,
      pid: far.pid,
      peers: far.peers?.() ?? [],
      kill: (signal) => far.kill(signal),
    };
  } catch (error) {
    await putAway(far);
    throw error;
  }
}

/** Ends what may still run: with its streams closed even a program that hears no SIGTERM stops writing. */
async function putAway(far: TransportProcess): Promise<void> {
  far.kill("SIGTERM");
  for (const stream of [far.stdin, far.stdout, far.stderr]) stream.destroy();
  const ended = await within(LAST_WORDS_MS, far.exit);
  if (ended === undefined) far.kill("SIGKILL");
}

/** What the promise comes to; undefined if it takes longer. */
async function within<T>(
  ms: number,
  promise: Promise<T>,
): Promise<T | { readonly reason: Error } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  const result = await Promise.race([promise.catch((reason: Error) => ({ reason })), late]);
  clearTimeout(timer);
  return result;
}

interface Upload {
  readonly mark: string;
  readonly line: Buffer;
  readonly stage1: string;
  /** Stage 2, payload and the first input: all that a runtime reads, in order. */
  readonly behindStage0: Buffer;
}

/** Why the mark will not come any more; an error of our own is one as it stands. */
type Stop = "ended" | "timed-out" | "noise-limit" | { readonly error: unknown };

async function awaitMark(
  far: TransportProcess,
  stderr: StderrTail,
  upload: Upload,
  options: LaunchOptions,
): Promise<RemoteRuntime> {
  const { mark, line, behindStage0 } = upload;
  const scanner = new MarkScanner(mark, "{");
  // A terminal has but one stream.
  const linesOnStdout = new MarkedLines(mark);
  const silence = options.readyTimeoutMs ?? READY_TIMEOUT_MS;
  let step: string | undefined;
  const outcome = await new Promise<Stop | { readonly ready: RemoteRuntime }>((resolve) => {
    const dialogue = new Dialogue(far.stdin, mark, () => timer.refresh());
    const finish = (result: Stop | { readonly ready: RemoteRuntime }): void => {
      clearTimeout(timer);
      dialogue.close();
      far.stdout.off("readable", read).off("end", end).off("close", end);
      resolve(result);
    };
    const timer = setTimeout(() => finish("timed-out"), silence);
    const end = (): void => finish("ended");
    const write = (bytes: Buffer): void => {
      for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
        far.stdin.write(bytes.subarray(start, start + SLICE_BYTES), () => timer.refresh());
      }
    };
    // Read by "readable", so that whoever reads on finds a stream that has never flowed nor been paused.
    const read = (): void => {
      const chunk: Buffer | null = far.stdout.read();
      if (chunk === null) return;
      timer.refresh();
      for (const text of linesOnStdout.push(chunk)) hear(text);
      const scan = scanner.push(chunk);
      if (scan.type === "more") return;
      if (scan.type === "noise-limit") {
        finish("noise-limit");
        return;
      }
      const ready = parseReady(scan.line);
      finish(ready === undefined ? "ended" : { ready });
      if (scan.rest.length > 0) far.stdout.unshift(scan.rest);
      const noise = withoutMarkedLines(Buffer.from(scan.noise), mark);
      if (noise.length > 0) options.onNoise?.(noise);
    };
    const provide = async (provider: RuntimeProvider, tried: string): Promise<void> => {
      const where = options.transport.description;
      const onStep = (next: string): void => void (step = next);
      const file = await provideRuntime({ dialogue, provider, where, tried, onStep });
      onStep(`${file.name} ${file.version} was being started`);
      dialogue.say(startScript(file, upload.stage1));
      write(behindStage0);
    };
    stderr.onProgress = () => timer.refresh();
    const hear = (text: string): void => {
      const tried = parseTried(text);
      if (tried === undefined) {
        dialogue.answered(text);
      } else if (options.runtimes === undefined || options.runtime !== undefined || step !== undefined) {
        // It ends then, with the status that says it all; on a terminal it does not see the end.
        far.stdin.end();
        finish("ended");
      } else {
        provide(options.runtimes, tried).catch((error: unknown) => finish({ error }));
      }
    };
    stderr.onMarkedLine = hear;
    far.stdout.on("readable", read).on("end", end).on("close", end);
    // A process that could not be started has no output that would end.
    far.exit.catch(end);
    write(Buffer.concat([line, behindStage0]));
  });
  if (typeof outcome === "object") {
    if ("ready" in outcome) return outcome.ready;
    throw outcome.error;
  }
  throw await explain(outcome, far, stderr, { scanner, mark, step, where: options.transport.description });
}

interface Seen {
  readonly scanner: MarkScanner;
  readonly mark: string;
  /** Of providing a runtime, if that had begun. */
  readonly step: string | undefined;
  readonly where: string;
}

/** The last words decide: an end of output means nothing until status and stderr are complete. */
async function explain(
  stop: "ended" | "timed-out" | "noise-limit",
  far: TransportProcess,
  stderr: StderrTail,
  { scanner, mark, step, where }: Seen,
): Promise<BootstrapError> {
  if (stop !== "ended") far.kill("SIGTERM");
  const exit = await within(LAST_WORDS_MS, far.exit);
  // It was told before, and has had its time.
  if (exit === undefined && stop !== "ended") far.kill("SIGKILL");
  return explainFailure({
    description: where,
    mark,
    step,
    timedOut: stop === "timed-out",
    noiseLimitBytes: stop === "noise-limit" ? MAX_NOISE_BYTES : undefined,
    code: exit !== undefined && "code" in exit ? exit.code : null,
    signal: exit !== undefined && "signal" in exit ? exit.signal : null,
    startError: exit !== undefined && "reason" in exit ? exit.reason : undefined,
    stderr: stderr.text,
    noise: scanner.noise,
  });
}

/** The ready line is the far side's, and so may be anything. */
function parseReady(line: string): RemoteRuntime | undefined {
  try {
    const { name, version, platform, arch, pid }: Record<string, unknown> = JSON.parse(line);
    const texts = [name, version, platform, arch].map((value) => String(value).slice(0, 64));
    const [runtimeName = "", runtimeVersion = "", system = "", processor = ""] = texts;
    return {
      name: runtimeName,
      version: runtimeVersion,
      platform: system,
      arch: processor,
      pid: Number(pid),
    };
  } catch {
    return undefined;
  }
}

/** The end of stderr so far, and from ready on all of it: as a stream of its own, since it may have ended by then. */
class StderrTail {
  onProgress: () => void = () => undefined;
  onMarkedLine: (text: string) => void = () => undefined;
  private readonly stream: Readable;
  private readonly mark: string;
  private readonly lines: MarkedLines;
  private kept: Buffer = Buffer.alloc(0);
  private readonly read = (chunk: Buffer): void => {
    this.kept = Buffer.concat([this.kept, chunk]).subarray(-MAX_STDERR_BYTES);
    this.onProgress();
    for (const text of this.lines.push(chunk)) this.onMarkedLine(text);
  };

  constructor(stream: Readable, mark: string) {
    this.stream = stream;
    this.mark = mark;
    this.lines = new MarkedLines(mark);
    stream.on("data", this.read);
  }

  get text(): string {
    return this.kept.toString("utf8");
  }

  release(): Readable {
    this.stream.off("data", this.read);
    const rest = new PassThrough();
    rest.write(withoutMarkedLines(this.kept, this.mark));
    if (this.stream.readableEnded) return rest.end();
    return this.stream.pipe(rest);
  }
}
