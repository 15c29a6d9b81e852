/** An error as the user reads it, and the exit status it ends with. */
import { EXIT, SshuttleError } from "../bundler/error.ts";
import type { Log } from "./log.ts";

/** Logs the error, its hint on a line of its own; an error of our own making comes with its stack. */
export function reportError(error: unknown, log: Log): number {
  if (error instanceof SshuttleError) {
    log(0, error.message);
    if (error.hint !== undefined) log(0, `  ${error.hint}`);
    return error.exitCode;
  }
  log(0, `internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT.software;
}
