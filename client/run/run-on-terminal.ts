/**
 * One program on a terminal there, which is this one: keys, colours, size. ssh's own terminal does the work, so there is
 * no link, and nothing of ours between program and terminal once it runs.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { encodeChild } from "../../bootstrap/child-texts.ts";
import { launch } from "../../bootstrap/launch.ts";
import { MARK_CHARS } from "../../bootstrap/stage-texts.ts";
import { terminalTransport } from "../../bootstrap/terminal-transport.ts";
import type { RuntimeProvider } from "../../bootstrap/runtime-provider.ts";
import type { Transport } from "../../bootstrap/transport.ts";
import type { Bundle } from "../../bundler/format.ts";
import { TERMINAL_ANSWER } from "../../agent-src/wire/terminal-answer.ts";
import { ClientError, UsageError } from "../errors.ts";
import { LastLines } from "../last-lines.ts";
import type { Log } from "../log.ts";
import { makeRaw } from "./local-terminal.ts";
import type { RunningProgram } from "./run-program.ts";

export interface TerminalRequest {
  readonly transport: Transport;
  /** agent-src/terminal-main.ts, see ../agent-bundle.ts. */
  readonly agent: Bundle;
  readonly program: Bundle;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** See LaunchOptions. */
  readonly runtime?: string | undefined;
  readonly runtimes?: RuntimeProvider | undefined;
  readonly log: Log;
}

/** Status of ssh itself when it fails. */
const SSH_STATUS = 255;
/** ssh's farewell at the end of each session that has a terminal. */
const FAREWELL = /^(Shared connection|Connection) to .* closed\.$/;

/**
 * Runs it on the terminal of process.stdin and process.stdout; the terminal is as it was when `status` settles.
 * @throws UsageError if they are none, or the transport has none; BootstrapError if nothing can be started there.
 */
export async function startOnTerminal(request: TerminalRequest): Promise<RunningProgram> {
  const { stdin, stdout } = process;
  const size = (): { rows: number; columns: number } => ({ rows: stdout.rows, columns: stdout.columns });
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new UsageError(`Cannot use -t: our ${stdin.isTTY ? "stdout" : "stdin"} is not a terminal`);
  }
  const transport = terminalTransport(request.transport, size());
  if (transport === undefined) {
    throw new UsageError(`Cannot use -t by ${request.transport.description}: it has no terminals`);
  }
  const lastLines = new LastLines();
  const agent = await launch({
    transport,
    bundle: request.agent,
    maps: "none",
    runtime: request.runtime,
    runtimes: request.runtimes,
    input: encodeProgram(request),
    onNoise: (bytes) => request.log(1, `before the program: ${Buffer.from(bytes).toString("utf8")}`),
  });
  agent.stderr.on("data", (chunk: Buffer) => {
    for (const line of lastLines.push(chunk.toString("utf8"))) {
      request.log(FAREWELL.test(line) ? 1 : 0, line);
    }
  });
  const resize = (): void => transport.resize(size());
  let restore = (): void => undefined;
  let ended: "SIGTERM" | "SIGHUP" | undefined;
  const settle = async (): Promise<number> => {
    try {
      stdout.write(await answered(agent.stdout));
      restore = makeRaw();
      stdin.pipe(agent.stdin);
      stdout.on("resize", resize);
      // The window may have changed since ssh looked.
      resize();
      agent.stdout.pipe(stdout, { end: false });
      const { code, signal } = await agent.exit;
      if (ended !== undefined) return 128 + constants.signals[ended];
      const words = lastLines.last(5).filter((line) => !FAREWELL.test(line));
      if (signal !== null || (code === SSH_STATUS && words.length > 0)) {
        throw new ClientError(
          "link-lost",
          `Lost the link to ${transport.description}: ${signal ?? words.join("; ")}`,
          { hint: "the program was hung up" },
        );
      }
      return code ?? SSH_STATUS;
    } finally {
      stdout.off("resize", resize);
      stdin.unpipe().pause();
      restore();
    }
  };
  return {
    // Keys come as bytes; a signal that someone else sends us can only end the session.
    signal: (name) => {
      if (name !== "SIGTERM" && name !== "SIGHUP") return;
      ended = name;
      agent.kill("SIGTERM");
    },
    status: settle(),
  };
}

/** See terminal-main.ts. */
function encodeProgram({ program, args, env }: TerminalRequest): Uint8Array {
  const mark = randomBytes(MARK_CHARS / 2).toString("hex");
  const groups = [...new Set(program.modules.map(({ group }) => group))];
  const { text, feed } = encodeChild(program, { mark, args, env, groups, maps: true });
  const header = Buffer.alloc(8);
  header.writeUInt32BE(Buffer.byteLength(text), 0);
  header.writeUInt32BE(feed.length, 4);
  return Buffer.concat([header, Buffer.from(text), feed]);
}

/**
 * Resolves when the line has come; what stands before it is dropped, what follows is left. If it does not come, with
 * what came instead.
 */
function answered(output: Readable): Promise<Uint8Array> {
  let seen = Buffer.alloc(0);
  return new Promise((resolve) => {
    const finish = (instead: Uint8Array): void => {
      output.off("readable", read).off("end", end);
      resolve(instead);
    };
    const end = (): void => finish(seen);
    const read = (): void => {
      const chunk: Buffer | null = output.read();
      if (chunk === null) return;
      seen = Buffer.concat([seen, chunk]);
      const start = seen.indexOf(TERMINAL_ANSWER);
      const lineEnd = start < 0 ? -1 : seen.indexOf("\n", start);
      if (lineEnd < 0) return;
      finish(Buffer.alloc(0));
      if (lineEnd + 1 < seen.length) output.unshift(seen.subarray(lineEnd + 1));
    };
    output.on("readable", read).on("end", end);
  });
}
