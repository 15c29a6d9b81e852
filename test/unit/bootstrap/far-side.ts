/**
 * Far sides for the tests of bootstrap/: a real shell and a real Node, whose stdin is a pipe or a unix socket,
 * and whose first input arrives as the test says: whole, in pieces, cut short, damaged.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import type { TestContext } from "node:test";
import { callbackify } from "node:util";
import { spawnChild } from "../../../bootstrap/child-transport.ts";
import type { Transport, TransportProcess } from "../../../bootstrap/transport.ts";

/** Puts what launch() writes first into the far side's stdin; resolves when it is done. */
export type Delivery = (bytes: Buffer, stdin: Writable) => Promise<void>;

export interface FarSideOptions {
  /** sshd gives pipes or a socket, depending on how it was built. Default: socket. */
  readonly stdin?: "pipe" | "socket";
  readonly deliver?: Delivery;
  /** In place of the test's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The login shell, with arguments that come before -c. Default: sh. */
  readonly shell?: readonly [program: string, ...args: string[]];
  /** What the login shell runs in place of our command, given as "$1". */
  readonly script?: string;
}

/** How long a process that was told to end may take. */
const END_MS = 5000;

/** Runs commands in a shell of this machine. A process that outlives the test fails it. */
export function farSide(context: TestContext, options: FarSideOptions = {}): Transport {
  const tag = randomBytes(8).toString("hex");
  context.after(() => assertNoneLeft(tag));
  const env = Object.entries({ ...(options.env ?? process.env), FAR_SIDE: tag });
  const { shell = ["sh"], script, deliver } = options;
  return {
    description: "the test's far side",
    spawn(command) {
      const run = script === undefined ? ["-c", command] : ["-c", script, "sh", command];
      const argv = ["-i", ...env.map(([name, value]) => `${name}=${value}`), ...shell, ...run];
      return options.stdin === "pipe" ? spawnWithPipe(argv, deliver) : spawnWithSocket(argv, deliver);
    },
  };
}

/** Node's own "pipe" is a unix socket. */
function spawnWithSocket(argv: readonly string[], deliver?: Delivery): TransportProcess {
  const child = spawnChild("env", argv, { ownSession: true });
  return { ...child, stdin: delivered(child.stdin, deliver) };
}

/** A cat in between, which ends when its input does, and a named pipe. */
function spawnWithPipe(argv: readonly string[], deliver?: Delivery): TransportProcess {
  const folder = mkdtempSync(join(tmpdir(), "far-side-"));
  const script = 'cd "$1"; shift; mkfifo f; exec 3<&0; cat <&3 >f 2>&1 & exec env "$@" <f 3<&-';
  const child = spawnChild("sh", ["-c", script, "sh", folder, ...argv], { ownSession: true });
  const clean = (): void => rmSync(folder, { recursive: true });
  child.exit.then(clean, clean);
  return { ...child, stdin: delivered(child.stdin, deliver) };
}

/** The first write goes by `deliver`, what follows as it comes. */
function delivered(stdin: Writable, deliver: Delivery = whole): Writable {
  let isFirst = true;
  stdin.on("error", () => undefined);
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const step = isFirst ? deliver : whole;
      isFirst = false;
      callbackify(step)(chunk, stdin, done);
    },
    final(done) {
      stdin.end(() => done());
    },
    destroy(error, done) {
      stdin.destroy();
      done(error);
    },
  });
}

/** Resolves when the bytes are with the system, or the far side is gone, whose end says why. */
function put(stdin: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (stdin.writable) stdin.write(bytes, () => resolve());
    else resolve();
  });
}

export const whole: Delivery = (bytes, stdin) => put(stdin, bytes);

export const byteByByte: Delivery = async (bytes, stdin) => {
  for (let i = 0; i < bytes.length; i++) await put(stdin, bytes.subarray(i, i + 1));
};

/** Nothing for so long, then everything. */
export function late(ms: number): Delivery {
  return async (bytes, stdin) => {
    await pause(ms);
    await put(stdin, bytes);
  };
}

/** In pieces that end at these offsets, with a pause between that lets the far side read each. */
export function splitAt(offsets: readonly number[], pauseMs: number): Delivery {
  return async (bytes, stdin) => {
    let start = 0;
    for (const end of [...offsets, bytes.length]) {
      await put(stdin, bytes.subarray(start, end));
      if (end < bytes.length) await pause(pauseMs);
      start = end;
    }
  };
}

/** The first bytes only, then the end of input; a negative count is one from the end. */
export function truncatedAt(count: number): Delivery {
  return async (bytes, stdin) => {
    await put(stdin, bytes.subarray(0, count));
    stdin.end();
  };
}

/** All bytes, one of them with a bit flipped, then the end of input; a negative offset is one from the end. */
export function flippedAt(offset: number): Delivery {
  return async (bytes, stdin) => {
    const damaged = Buffer.from(bytes);
    const position = offset < 0 ? bytes.length + offset : offset;
    damaged[position] = Number(damaged[position]) ^ 1;
    await put(stdin, damaged);
    stdin.end();
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function assertNoneLeft(tag: string): Promise<void> {
  const deadline = Date.now() + END_MS;
  let left = processesOf(tag);
  while (left.length > 0 && Date.now() < deadline) {
    await pause(20);
    left = processesOf(tag);
  }
  for (const pid of left) process.kill(pid, "SIGKILL");
  assert.deepEqual(left, [], "processes outlived the test");
}

/** Processes with the tag in their environment; a zombie has none. */
function processesOf(tag: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => environmentOf(pid).includes(`FAR_SIDE=${tag}`));
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    // Gone meanwhile, or another user's.
    return "";
  }
}
