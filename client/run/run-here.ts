/** A program on this machine's own terminal: `-t` without a host. The same loader, and nothing in between. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import { Duplex } from "node:stream";
import { encodeChild } from "../../bootstrap/child-texts.ts";
import { MARK_CHARS } from "../../bootstrap/stage-texts.ts";
import { ClientError } from "../errors.ts";
import type { TerminalRequest } from "./run-on-terminal.ts";
import type { RunningProgram } from "./run-program.ts";

/** The keys of a terminal reach the program by themselves. */
const OF_TERMINAL: readonly string[] = ["SIGINT", "SIGQUIT", "SIGWINCH"];

/** Starts it with our own descriptors 0 to 2. `status` rejects with "program-not-started" if it cannot be started. */
export function startHere(
  request: Omit<TerminalRequest, "transport" | "agent" | "log"> & { readonly directory: string },
): RunningProgram {
  const { program, args, env, directory, runtime } = request;
  const mark = randomBytes(MARK_CHARS / 2).toString("hex");
  const groups = [...new Set(program.modules.map(({ group }) => group))];
  const { text, feed } = encodeChild(program, { mark, args, env, directory, groups, maps: true });
  const argv: [string, ...string[]] =
    runtime === undefined
      ? [process.execPath, "-e", text]
      : ["sh", "-c", `exec ${runtime} -e "$1"`, "sh", text];
  const [command, ...rest] = argv;
  const { NODE_OPTIONS: _options, ...environment } = process.env;
  // In "/" as there: what a runtime reads from its folder before we are there is not the program's.
  const child = spawn(command, rest, {
    cwd: "/",
    env: environment,
    stdio: ["inherit", "inherit", "inherit", "pipe"],
  });
  const [, , , loader] = Array.from(child.stdio);
  if (loader instanceof Duplex) {
    loader.on("error", () => undefined);
    loader.resume();
    loader.write(feed);
  }
  return {
    signal: (name) => {
      if (!OF_TERMINAL.includes(name)) child.kill(name);
    },
    status: new Promise((resolve, reject) => {
      child.once("error", (cause) =>
        reject(
          new ClientError("program-not-started", `Cannot start the program here: ${cause.message}`, {
            cause,
          }),
        ),
      );
      child.once("exit", (code, signal) =>
        resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]),
      );
    }),
  };
}
