/** A bundle run by a chosen runtime, started as on a server, and what came of it. */
import { execFile } from "node:child_process";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { launch } from "../../bootstrap/launch.ts";
import type { LaunchOptions } from "../../bootstrap/launch.ts";
import { localTransport } from "../../bootstrap/local.ts";

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Launches, ends the program's stdin behind `input`, and waits for the end. */
export async function runThere(options: Omit<LaunchOptions, "transport">): Promise<Outcome> {
  const program = await launch({ transport: localTransport(), ...options });
  program.stdin.end();
  const [stdout, stderr, { code }] = await Promise.all([
    text(program.stdout),
    text(program.stderr),
    program.exit,
  ]);
  return { code, stdout, stderr };
}

/** Runs a program of this machine with an empty stdin; any exit status is an outcome. */
export function runHere(program: string, args: readonly string[], cwd: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { cwd, env: environment() }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") reject(error);
      else resolve({ code: child.exitCode, stdout, stderr });
    });
    child.stdin?.end();
  });
}

/** Ours, without what this process' own test runner and source maps put there. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...rest } = process.env;
  return rest;
}

/** Resolves as soon as the stream has shown this text. */
export function shown(stream: Readable, wanted: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = "";
    stream.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes(wanted)) resolve();
    });
    stream.once("close", () => reject(new Error(`ended without "${wanted}": ${seen}`)));
  });
}
