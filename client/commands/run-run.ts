/** `sshuttle run [-r HOST] SCRIPT [ARGS]`: a program of this machine's sources, there. */
import { constants } from "node:os";
import type { Transport, TransportProcess } from "../../bootstrap/transport.ts";
import { readRunAgentBundle, readTerminalAgentBundle } from "../agent-bundle.ts";
import { withCipherPreference } from "../cipher-preference.ts";
import { runtimeProviderFor, transportFor } from "../connection.ts";
import { RUN_HELP } from "../help.ts";
import { createLog } from "../log.ts";
import { reportError } from "../report-error.ts";
import { parseRunOptions } from "../run/options.ts";
import type { RunOptions } from "../run/options.ts";
import { standardError, standardOutput } from "../run/output.ts";
import { readProgram } from "../read-program.ts";
import { startProgram } from "../run/run-program.ts";
import { startHere } from "../run/run-here.ts";
import { startOnTerminal } from "../run/run-on-terminal.ts";
import type { RunningProgram } from "../run/run-program.ts";
import { sshThatHearsNoKeys } from "../run/ssh-signals.ts";

/** Without a program these end us; with one, they are the program's to handle, however often they come. */
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
const FORWARDED = [...ENDING, "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT"] as const;

/**
 * Resolves with the program's exit status, or 128 and the number of the signal that ended it or us.
 * @throws UsageError.
 */
export async function runRun(argv: readonly string[]): Promise<number> {
  const options = parseRunOptions(argv, process.env);
  if (options === "help") {
    process.stdout.write(RUN_HELP);
    return 0;
  }
  let program: RunningProgram | undefined;
  let end: (status: number) => void = () => undefined;
  const signalled = new Promise<number>((resolve) => (end = resolve));
  const started: TransportProcess[] = [];
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (program !== undefined) return program.signal(signal);
      if (!ENDING.some((name) => name === signal)) return;
      for (const far of started) far.kill("SIGTERM");
      end(128 + constants.signals[signal]);
    });
  }
  const log = createLog(options.verbosity);
  const run = start(options, started).then((running) => {
    program = running;
    return running.status;
  });
  return Promise.race([run, signalled]).catch((error: unknown) => reportError(error, log));
}

async function start(options: RunOptions, started: TransportProcess[]): Promise<RunningProgram> {
  const { args, env, remote, runtime, script, verbosity } = options;
  const log = createLog(verbosity);
  // ssh is asked while the program is bundled.
  const preferring = withCipherPreference(options, log);
  const program = await readProgram(script);
  const directory = remote === undefined ? process.cwd() : undefined;
  if (options.terminal && directory !== undefined)
    return startHere({ program, args, env, directory, runtime });
  const request = {
    program,
    args,
    env,
    runtime,
    runtimes: runtimeProviderFor(options, log),
    log,
    transport: watched(await transportFor(sshThatHearsNoKeys(await preferring)), started),
  };
  if (options.terminal) return startOnTerminal({ ...request, agent: await readTerminalAgentBundle() });
  return startProgram({
    ...request,
    agent: await readRunAgentBundle(),
    directory,
    stdin: process.stdin,
    stdout: standardOutput(),
    stderr: standardError(),
  });
}

/** Whatever the transport starts can be ended, even while ssh still asks for a password. */
function watched(transport: Transport, started: TransportProcess[]): Transport {
  const watch = <T extends TransportProcess>(far: T): T => {
    started.push(far);
    return far;
  };
  const onTerminal = transport.spawnOnTerminal?.bind(transport);
  return {
    description: transport.description,
    spawn: (command) => watch(transport.spawn(command)),
    ...(onTerminal && { spawnOnTerminal: (command, size) => watch(onTerminal(command, size)) }),
  };
}
