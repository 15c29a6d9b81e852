/**
 * Why a far side did not come up: one cause and one hint, from all that was seen of it.
 *
 * Evidence is weighed in the order of its weight: a process that never started; lines of our own stages (they
 * carry the launch's mark, so that no rc file can write them); what the near side itself put an end to; the
 * signal; the exit status. Status 255 is ssh's own, whose reason is nowhere but in its words: see ssh-words.ts.
 */
import { BootstrapError } from "./errors.ts";
import { lastWords, printedFirst, quoteWords } from "./last-words.ts";
import { printable } from "../bundler/printable.ts";
import { explainSshWords } from "./ssh-words.ts";

/** What was seen of a launch that did not get ready. */
export interface FailureEvidence {
  /** The transport's: "ssh user@host". */
  readonly description: string;
  readonly code: number | null;
  readonly signal: string | null;
  /** The end of it at least; may hold ssh's words, rc files' and ours. */
  readonly stderr: string;
  /** What came on stdout in place of the mark. */
  readonly noise: Uint8Array;
  /** What our lines on stderr begin with. */
  readonly mark: string;
  /** What was being done when it ended, where that can be told: of providing a runtime. */
  readonly step?: string | undefined;
  /** The near side waited for too long and ended the process. */
  readonly timedOut: boolean;
  /** Set if the near side ended the process because there was more noise than this. */
  readonly noiseLimitBytes?: number | undefined;
  /** Why the process could not be started. */
  readonly startError?: NodeJS.ErrnoException | undefined;
}

/** Exit statuses of stage 0 and stage 2 that speak for themselves. */
const STATUS = { noInput: 96, noRuntime: 97, truncated: 98, crashed: 99, ssh: 255 } as const;

/** The one error for it, to be thrown by the caller. */
export function explainFailure(evidence: FailureEvidence): BootstrapError {
  const where = printable(evidence.description);
  const error =
    explainStart(where, evidence) ??
    explainMarkedLine(where, evidence) ??
    explainEndedHere(where, evidence) ??
    explainSignal(where, evidence) ??
    explainStatus(where, evidence);
  if (evidence.step === undefined) return error;
  const message = `${error.message}; it had no runtime, and ${printable(evidence.step)}`;
  return new BootstrapError(error.code, message, { cause: error, hint: error.hint });
}

/** What `97 tried: NAME: ANSWER, …` has behind the colon, without the mark; undefined of another line. */
export function parseTried(text: string): string | undefined {
  return /^97 tried:(.*?),?$/.exec(text)?.[1]?.trim();
}

function explainStart(where: string, evidence: FailureEvidence): BootstrapError | undefined {
  const { startError: error } = evidence;
  if (error === undefined) return undefined;
  if (error instanceof BootstrapError) {
    // A transport that knows the cause by itself; what it said on the way may be the rest of it.
    const message = error.message + quoteWords("its words", lastWords(evidence));
    return new BootstrapError(error.code, message, { cause: error.cause, hint: error.hint });
  }
  const program = error.path ?? where;
  const absent = error.code === "ENOENT" || error.code === "EACCES";
  return new BootstrapError(
    "ssh-missing",
    `Cannot start "${printable(program)}": ${printable(error.message)}`,
    { cause: error, hint: absent ? "install OpenSSH's client, or name another program" : undefined },
  );
}

/** Parses `<mark> 97 tried: NAME: ANSWER, …` and `<mark> 98 received N of M bytes`. */
function explainMarkedLine(
  where: string,
  { stderr, noise, mark, step }: FailureEvidence,
): BootstrapError | undefined {
  // On a terminal there is but one stream, and it is stdout.
  const said = `${Buffer.from(noise).toString("utf8")}\n${stderr}`;
  for (const line of said.split(/\r?\n/).toReversed()) {
    // Not only at the start: what an rc file printed last need not have ended its line.
    const start = line.indexOf(`${mark} `);
    if (start < 0) continue;
    const text = line.slice(start + mark.length + 1).trim();
    const tried = step === undefined ? parseTried(text) : undefined;
    // A version is in the list only if it is none that will do.
    if (tried !== undefined)
      return /: v\d+\./.test(tried) ? runtimeTooOld(where, tried) : runtimeMissing(where, tried);
    const counts = /^98 received (\d+) of (\d+) bytes/.exec(text);
    if (counts !== null) return truncated(where, Number(counts[1]), Number(counts[2]));
  }
  return undefined;
}

function explainEndedHere(where: string, evidence: FailureEvidence): BootstrapError | undefined {
  const seen = printedFirst(evidence.noise) + quoteWords("its last words", lastWords(evidence));
  if (evidence.noiseLimitBytes !== undefined) {
    return new BootstrapError(
      "noise-limit",
      `Cannot find our answer from ${where}: more than ${evidence.noiseLimitBytes} bytes came before it${seen}`,
      { hint: "make the login's rc files silent unless the shell is interactive" },
    );
  }
  if (!evidence.timedOut) return undefined;
  return new BootstrapError(
    "far-side-silent",
    `Cannot start the agent by ${where}: no answer in time${seen}`,
    { hint: "log in by hand to see whether it answers at all, and whether it asks for anything" },
  );
}

function explainSignal(where: string, evidence: FailureEvidence): BootstrapError | undefined {
  const words = quoteWords("last words", lastWords(evidence));
  if (evidence.signal !== null) {
    return new BootstrapError(
      "far-side-killed",
      `Cannot start the agent by ${where}: ${printable(evidence.signal)} ended the process on this machine${words}`,
    );
  }
  const signal = SIGNALS.get((evidence.code ?? 0) - 128);
  if (signal === undefined) return undefined;
  return new BootstrapError(
    "far-side-killed",
    `Cannot start the agent by ${where}: ${signal.name} ended it there (status ${evidence.code})${words}`,
    { hint: signal.hint },
  );
}

/** By number, as shells add it to 128: those that have the same one everywhere. */
const SIGNALS: ReadonlyMap<number, { readonly name: string; readonly hint?: string }> = new Map([
  [1, { name: "SIGHUP" }],
  [2, { name: "SIGINT" }],
  [3, { name: "SIGQUIT" }],
  [4, { name: "SIGILL", hint: "the runtime there is made for another processor: install one that fits" }],
  [
    6,
    {
      name: "SIGABRT",
      hint: "the runtime there gave up: see whether it runs by hand, and its memory limits",
    },
  ],
  [9, { name: "SIGKILL", hint: "the server's memory may have run out: its kernel log says so" }],
  [11, { name: "SIGSEGV", hint: "the runtime there is broken: see whether it runs by hand" }],
  [13, { name: "SIGPIPE" }],
  [14, { name: "SIGALRM" }],
  [15, { name: "SIGTERM" }],
]);

function explainStatus(where: string, evidence: FailureEvidence): BootstrapError {
  const words = lastWords(evidence);
  const code = evidence.code ?? 0;
  switch (code) {
    case STATUS.noInput:
      return new BootstrapError(
        "shell-no-input",
        `Cannot start the agent by ${where}: its standard input held no line for us (stage 0)${quoteWords("last words", words)}`,
        { hint: "something in the login's rc files reads standard input: keep it to interactive shells" },
      );
    case STATUS.noRuntime:
      return evidence.step === undefined ? runtimeMissing(where, "") : refused(where, evidence);
    case STATUS.truncated:
      return truncated(where, undefined, undefined);
    case STATUS.ssh:
      return explainSshWords(where, words);
    case STATUS.crashed:
      return crashed(where, code, words);
    default:
      return words.some(isOfRuntime) ? crashed(where, code, words) : refused(where, evidence);
  }
}

/** Traces, and what runtimes say of an option or a library they do not like. */
function isOfRuntime(line: string): boolean {
  return /^\s+at \S|^Node\.js v\d|^Bun v\d|^error: Uncaught|^FATAL ERROR: |^\S*(?:node|bun|deno)(?:js)?: (?!.*not found)/.test(
    line,
  );
}

function runtimeMissing(where: string, tried: string): BootstrapError {
  const list = tried === "" ? "nothing that looks like one" : `tried ${printable(tried)}`;
  return new BootstrapError("runtime-missing", `Cannot find a JavaScript runtime by ${where}: ${list}`, {
    hint: NO_RUNTIME_HINT,
  });
}

/** Whoever reads it has forbidden an upload, or named a runtime. */
const NO_RUNTIME_HINT =
  "install Node 8 or later there, name one in an unusual place by --runtime, or let one be uploaded";

function runtimeTooOld(where: string, tried: string): BootstrapError {
  return new BootstrapError(
    "runtime-too-old",
    `Cannot use a JavaScript runtime found by ${where}: tried ${printable(tried)}, needed is Node 8 or later`,
    { hint: NO_RUNTIME_HINT },
  );
}

function truncated(where: string, received?: number, expected?: number): BootstrapError {
  const actual =
    received === undefined
      ? "it did not arrive as it was sent"
      : received === expected
        ? `all ${received} bytes arrived, but not as they were sent`
        : `${received} of ${expected} bytes arrived`;
  // Stage 1 does not count; what does is stage 2.
  const part = received === undefined ? "the loader (stage 2)" : "the program's modules";
  return new BootstrapError("upload-truncated", `Cannot upload ${part} by ${where}: ${actual}`, {
    hint: "a gateway in between, or an rc file that reads standard input, took the rest",
  });
}

function crashed(where: string, code: number, words: readonly string[]): BootstrapError {
  return new BootstrapError(
    "agent-crashed",
    `Cannot run the program by ${where}: it ended with ${code}${quoteWords("and these words", words)}`,
  );
}

function refused(where: string, evidence: FailureEvidence): BootstrapError {
  const words = lastWords(evidence);
  // A session that closes its output may live on, without a status.
  const deed = evidence.code === null ? "closed its output" : `ended with ${evidence.code}`;
  return new BootstrapError(
    "shell-refused",
    `Cannot run a command by ${where}: the session ${deed} before ours began${printedFirst(evidence.noise)}${quoteWords("last words", words)}`,
    { hint: refusalHint(evidence, words) },
  );
}

/** sftp-server's, for input that is no sftp; it says nothing on its own. Source: sftp-server.c, process(). */
const SFTP_SERVER_STATUS = 11;

/** What sshd and nologin print on stdout in place of running a command, a line each. Source: session.c, nologin(8). */
const REFUSALS: readonly (readonly [line: RegExp, hint: string])[] = [
  [/^This service allows sftp connections only\.$/m, "ForceCommand internal-sftp"],
  [/^This account is currently not available\.$/m, "its login shell is nologin"],
];

function refusalHint({ code, noise }: FailureEvidence, words: readonly string[]): string {
  if (words.some((line) => line.includes("is not recognized as"))) {
    return "the login shell is one of Windows and knows no sh: make it one that does";
  }
  const printed = Buffer.from(noise).toString("utf8").replaceAll("\r", "");
  const reason =
    REFUSALS.find(([line]) => line.test(printed))?.[1] ??
    (code === SFTP_SERVER_STATUS ? "its forced command is sftp-server, by its status" : undefined);
  if (reason !== undefined) return `the account may not run commands (${reason}): use one that may`;
  if (code === 126 || code === 127) return "there must be a sh on the login's PATH";
  return "an rc file or a forced command ended the session, or the account may not run commands";
}
