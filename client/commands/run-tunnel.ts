/** `sshuttle -r host SUBNET…`: one session, until a signal or a failure ends it. */
import { withCipherPreference } from "../cipher-preference.ts";
import { createLog } from "../log.ts";
import type { TunnelOptions } from "../options.ts";
import { reportError } from "../report-error.ts";
import { Statistics } from "../statistics/statistics.ts";
import { StatsFile } from "../statistics/stats-file.ts";
import { Undo } from "../undo.ts";

/** Exit status of a process that a signal ended: 128 and its number, as shells have it. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type EndSignal = keyof typeof SIGNAL_STATUS;

/** Runs a tunnel to its end and resolves with the exit status; everything is undone by then. */
export async function runTunnel(options: TunnelOptions): Promise<number> {
  const log = createLog(options.verbosity);
  const undo = new Undo();
  let statistics: Statistics;
  try {
    const { statsJson } = options;
    statistics = new Statistics(log, statsJson === undefined ? undefined : new StatsFile(statsJson, log));
  } catch (error) {
    return reportError(error, log);
  }
  process.on("SIGUSR1", () => void statistics.show());
  const signalled = new Promise<EndSignal>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve(signal));
  });
  // ssh is asked while the rest of us is loaded.
  const preferring = withCipherPreference(options, log);
  const ended = import("../session.ts")
    .then(({ startSession }) => startSession(options, preferring, log, undo, statistics))
    .then((session) => session.failed);
  let status: number;
  try {
    const end = await Promise.race([ended, signalled]);
    status = typeof end === "string" ? SIGNAL_STATUS[end] : reportError(end, log);
  } catch (error) {
    status = reportError(error, log);
  }
  const failure = await undo.run();
  return failure === undefined ? status : reportError(failure, log);
}
