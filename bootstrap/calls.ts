/** The near side's half of typed calls to a program that serve-calls.ts has answer them. */
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { BootstrapError } from "./errors.ts";
import type { Api } from "./serve-calls.ts";

export type { Api } from "./serve-calls.ts";

/** The functions of an Api as their caller has them. */
export type Calls<A extends Api> = {
  readonly [Name in keyof A]: (...args: Parameters<A[Name]>) => Promise<Awaited<ReturnType<A[Name]>>>;
};

const ENDED = "the program has ended";
/** Of a line that is no answer. */
const MAX_QUOTED_CHARS = 80;

interface Pending {
  readonly name: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: BootstrapError) => void;
}

/**
 * The functions of a program that was launched; its stdin and stdout are theirs from then on. Any number of calls
 * may be under way. A call rejects with BootstrapError "call-failed", whose cause has the far side's trace, if
 * the function throws there, and with "call-lost" if the program ends before it answers.
 */
export function callsTo<A extends Api>(program: {
  readonly stdin: Writable;
  readonly stdout: Readable;
}): Calls<A> {
  const pending = new Map<number, Pending>();
  let isOpen = true;
  let lastId = 0;
  const lose = (why: string): void => {
    isOpen = false;
    for (const { name, reject } of pending.values()) reject(lost(name, why));
    pending.clear();
  };
  const lines = createInterface({ input: program.stdout });
  lines.on("line", (line) => {
    const answer = parseAnswer(line);
    const call = pending.get(answer?.id ?? 0);
    if (answer === undefined || call === undefined) {
      lose(`it printed ${JSON.stringify(line.slice(0, MAX_QUOTED_CHARS))}, which is no answer`);
      return;
    }
    pending.delete(answer.id);
    if (answer.error === undefined) call.resolve(answer.value);
    else call.reject(failed(call.name, answer.error));
  });
  lines.once("close", () => lose(ENDED));
  const call = (name: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (!isOpen) return reject(lost(name, ENDED));
      lastId += 1;
      pending.set(lastId, { name, resolve, reject });
      program.stdin.write(`${JSON.stringify([lastId, name, args])}\n`);
    });
  const none: Calls<A> = Object.create(null);
  return new Proxy(none, {
    // Whoever awaits the proxy asks it for "then".
    get: (_target, name) =>
      typeof name !== "string" || name === "then" ? undefined : (...args: unknown[]) => call(name, args),
  });
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: Error;
}

/** What the far side prints may be anything. */
function parseAnswer(line: string): Answer | undefined {
  try {
    const [id, outcome, value, message, stack]: unknown[] = JSON.parse(line);
    if (typeof id !== "number") return undefined;
    if (outcome === "value") return { id, value };
    const error = new Error(String(message));
    error.name = String(value);
    error.stack = String(stack);
    return { id, error };
  } catch {
    return undefined;
  }
}

function failed(name: string, cause: Error): BootstrapError {
  return new BootstrapError("call-failed", `Cannot call "${name}": ${cause.message}`, { cause });
}

function lost(name: string, why: string): BootstrapError {
  return new BootstrapError("call-lost", `Cannot call "${name}": ${why}`, {
    hint: "the program's stderr and exit status have the reason",
  });
}
