/**
 * One test file in a process of its own, and what became of it.
 *
 * node:test reports what a file sent, and a file that calls process.exit(0) half-way sends a green
 * half. So the outcome here is stricter than its events: every test that was announced must have been
 * reported, and a file without a single test has failed.
 */
import { run } from "node:test";
import { inspect } from "node:util";
import { familyOf } from "./lab/process-table.ts";

export interface FileOutcome {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  /** Tests marked skip or todo; what `grep` left out is not counted. */
  readonly skipped: number;
  readonly durationMs: number;
}

export interface RunFileOptions {
  /** Only tests whose name matches. */
  readonly grep?: RegExp | undefined;
  /** After this the file's process is killed and the file has failed. */
  readonly timeoutMs: number;
  /** Takes the report, line by line, as it comes. */
  readonly print: (line: string) => void;
}

/** The reason Node 20 gives a test that a name pattern left out. Later versions do not report such a test. */
const LEFT_OUT = "test name does not match pattern";

/** The part of its time after which a file is told of with all its processes. */
const LATE = 0.9;

/** What run() says of itself at the end, as diagnostics like any other. */
const OWN_SUMMARY = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/** Runs one compiled test file. Never rejects because of the file: whatever it does is in the outcome. */
export async function runFile(file: string, options: RunFileOptions): Promise<FileOutcome> {
  const startedMs = performance.now();
  const { print } = options;
  /** Names of the suites and tests around the present one; printed once there is something inside. */
  const heading: { name: string; printed: boolean }[] = [];
  let announced = 0;
  let reported = 0;
  let passed = 0;
  let failed = 0;
  let skipped = 0;

  function report(nesting: number, text: string): void {
    for (const [depth, outer] of heading.slice(0, nesting).entries()) {
      if (!outer.printed) print(`${indent(depth)}▶ ${outer.name}`);
      outer.printed = true;
    }
    for (const line of text.split("\n")) print(`${indent(nesting)}${line}`);
  }

  // What a file waits for is gone when it has been killed.
  const late = setTimeout(() => {
    for (const { pid, command } of familyOf(process.pid))
      print(`  | still there: ${pid} ${command.slice(0, 200)}`);
  }, options.timeoutMs * LATE);
  const events = run({
    files: [file],
    concurrency: 1,
    timeout: options.timeoutMs,
    ...(options.grep === undefined ? {} : { testNamePatterns: options.grep }),
  });
  for await (const { type, data } of events) {
    switch (type) {
      case "test:enqueue":
        if (data.name !== file) announced += 1;
        break;
      case "test:start":
        heading[data.nesting] = { name: data.name, printed: false };
        break;
      case "test:pass":
        // Node 20 reports a file without tests as a test that passed.
        if (data.name === file) break;
        reported += 1;
        if (data.skip === LEFT_OUT) {
          break;
        }
        if (data.skip !== undefined || data.todo !== undefined) {
          skipped += 1;
          report(data.nesting, `- ${data.name}  (skipped${reasonOf(data.skip ?? data.todo)})`);
        } else if (data.details.type !== "suite") {
          passed += 1;
          report(data.nesting, `✔ ${data.name}  (${milliseconds(data.details.duration_ms)})`);
        }
        break;
      case "test:fail": {
        if (data.name !== file) reported += 1;
        const { error } = data.details;
        // A suite fails because of its tests, which have been counted.
        const isEcho = "failureType" in error && error.failureType === "subtestsFailed";
        if (!isEcho) {
          failed += 1;
          const took = milliseconds(data.details.duration_ms);
          report(data.nesting, `✖ ${data.name === file ? "the file's process" : data.name}  (${took})`);
          report(data.nesting, `  ${describeFailure(error).replaceAll("\n", "\n  ")}`);
        }
        break;
      }
      case "test:stdout":
      case "test:stderr":
        for (const line of data.message.replace(/\n$/, "").split("\n")) print(`  | ${line}`);
        break;
      case "test:diagnostic":
        if (!OWN_SUMMARY.test(data.message)) report(data.nesting, `ℹ ${data.message}`);
        break;
      default:
        break;
    }
  }
  clearTimeout(late);
  if (reported < announced) {
    failed += 1;
    print(`✖ ${announced - reported} tests never reported: the file's process ended before them`);
  }
  if (passed + failed + skipped === 0 && options.grep === undefined) {
    failed += 1;
    print("✖ no test in this file");
  }
  return { file, passed, failed, skipped, durationMs: performance.now() - startedMs };
}

/** The cause with its stack, without the frames of the test runner; of a process, how it ended. */
function describeFailure(
  error: Error & { readonly exitCode?: number | null; readonly signal?: string | null },
): string {
  if (error.exitCode !== undefined || error.signal !== undefined) {
    return `ended with ${error.signal ?? `status ${error.exitCode}`}`;
  }
  return inspect(error.cause ?? error)
    .split("\n")
    .filter((line) => !/^\s+at .*\bnode:internal\/test_runner\//.test(line))
    .join("\n");
}

function reasonOf(mark: string | boolean | undefined): string {
  return typeof mark === "string" && mark !== "" ? `: ${mark}` : "";
}

function milliseconds(duration: number): string {
  return duration < 1000 ? `${duration.toFixed(1)} ms` : `${(duration / 1000).toFixed(1)} s`;
}

function indent(depth: number): string {
  return "  ".repeat(depth + 1);
}
