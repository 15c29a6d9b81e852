/**
 * What Bun and Deno cannot do of what Node does, by the titles of the tests that show it. docs/runtimes.md is made of it.
 * A limit is tested as well: where what it denies works, its test fails, so that the list cannot outlive its truth.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Runtime, RuntimeName } from "./runtimes.ts";

export const SUITES = [
  "agent",
  "modules",
  "traces",
  "programs",
  "late-modules",
  "last-report",
  "run",
] as const;
export type Suite = (typeof SUITES)[number];

export interface RuntimeLimit {
  readonly name: RuntimeName;
  /** The versions that have it. Default: all. */
  readonly pins?: readonly string[];
  /** The file of the test in test/runtime, without its endings. */
  readonly suite: Suite;
  /** Of the test, without the runtime's label. */
  readonly title: string;
  /** In a sentence, for the table. */
  readonly reason: string;
  /** It fails at times only, or does not end: nothing is asserted of it. */
  readonly untested?: true;
}

const STDOUT_CLOSED = "a program that closes its stdout goes on, and ours has ended by then";
const AGENT_KILLED =
  "an agent that is killed takes its program along, and its client says that the link is lost";
const UNCLOSABLE = "its process.stdout keeps the descriptor open";
const UNHEARD = "it does not tell a program that the other end of an inherited descriptor has closed";
const EVAL_MODULE = "what it evaluates from its command line stays in require.cache";

export const RUNTIME_LIMITS: readonly RuntimeLimit[] = [
  {
    name: "bun",
    title: "a program that reads its stdin (data) gets every byte behind the payload",
    suite: "programs",
    reason: "what arrives on stdin before a program listens, some turns after its start, may be lost",
    untested: true,
  },
  {
    name: "bun",
    title: "a module's scope is that of a function with five arguments",
    suite: "modules",
    reason: "`this` outside of functions is the global object in code that it evaluates",
  },
  {
    name: "bun",
    title: "nothing is global that is not so in a program of its own",
    suite: "modules",
    reason: "with -e the built-in modules are global, and cannot be deleted",
  },
  {
    name: "bun",
    title: "arguments, environment and exit status are the program's own",
    suite: "modules",
    reason: "process.exitCode is 0 at the beginning where it should be undefined",
  },
  {
    name: "bun",
    title: "a program's own prepareStackTrace gets call sites, with files and lines",
    suite: "traces",
    reason: "calls in tail position have no frame, and the names of functions are missing at times",
  },
  {
    name: "bun",
    title: "a report of a stack that is printed",
    suite: "traces",
    reason: "console prints a path from the root, and its own idea of the line",
  },
  {
    name: "bun",
    title: 'a listener of "exit" that throws leaves the status of the error before it',
    suite: "last-report",
    reason: 'it ends with 7 when a listener of "exit" throws, whatever came before',
  },
  { name: "bun", title: STDOUT_CLOSED, suite: "run", reason: UNCLOSABLE, untested: true },
  { name: "bun", title: AGENT_KILLED, suite: "run", reason: UNHEARD, untested: true },
  {
    name: "deno",
    title: "require.cache has the modules so far, and what leaves it is evaluated again",
    suite: "modules",
    reason: EVAL_MODULE,
  },
  { name: "deno", title: "a cycle one of whose modules throws", suite: "modules", reason: EVAL_MODULE },
  { name: "deno", title: "a report of a warning", suite: "traces", reason: "it has no --trace-warnings" },
  {
    name: "deno",
    title: "a client that stalls within the payload is not waited for",
    suite: "programs",
    reason: "it has no -r, by which the test makes a minute pass in an instant",
  },
  {
    name: "deno",
    title: "errors that a program handles itself are its own",
    suite: "programs",
    reason: "a rejection that nobody handles does not come to uncaughtException",
  },
  {
    name: "deno",
    title: "a reader of stdout that is slow stops its writing and nothing else",
    suite: "run",
    reason: "a write to a full pipe stops the whole program until somebody reads",
    untested: true,
  },
  { name: "deno", title: STDOUT_CLOSED, suite: "run", reason: UNCLOSABLE, untested: true },
  { name: "deno", title: AGENT_KILLED, suite: "run", reason: UNHEARD, untested: true },
  {
    name: "node",
    pins: ["12.22.12", "14.21.3"],
    title: "a proxy all of whose traps throw is reported by a fixed text, and ends with 99",
    suite: "last-report",
    reason:
      "a thrown proxy whose traps throw ends it with 7, before a listener of uncaughtException is asked",
  },
];

export function limitOf(runtime: Runtime, title: string): RuntimeLimit | undefined {
  return RUNTIME_LIMITS.find((limit) => limit.title === title && hasLimit(runtime, limit));
}

export function hasLimit({ name, pin }: Runtime, limit: RuntimeLimit): boolean {
  return limit.name === name && (limit.pins?.includes(pin) ?? true);
}

type Act = (context: TestContext) => Promise<void>;
type Register = (title: string, act: Act) => unknown;

/** A test of one runtime, or of its limit. @param register of a test within another, its context's. */
export function testOn(
  runtime: Runtime,
  title: string,
  act: Act,
  register: Register = (name, run) => test(`${runtime.label}: ${name}`, run),
): unknown {
  const limit = limitOf(runtime, title);
  if (limit === undefined) return register(title, act);
  if (limit.untested === true) return undefined;
  return register(`${title} (not so: ${limit.reason})`, async (context) => {
    await assert.rejects(
      act(context),
      `"${title}" works with ${runtime.label}: take the limit from the list`,
    );
  });
}
