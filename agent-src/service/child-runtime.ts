/** A child process of the runtime that this one runs on: how it is told what to do, and how it ended. */
import { constants } from "os";
import type { RunReport } from "../wire/run-control.ts";

/** What the runtime itself was started with, and the text. */
export function runtimeArgs(text: string): string[] {
  const { execArgv, versions } = process;
  const at = execArgv.indexOf("-e");
  return [...execArgv.slice(0, Math.max(0, at)), "deno" in versions ? "eval" : "-e", text];
}

/** What child_process says of its end, as a report. */
export function reportOf(status: number | null, name: string | null): RunReport {
  const signal = Object.entries(constants.signals).find(([known]) => known === name);
  return signal
    ? { type: "killed", name: signal[0], number: signal[1] }
    : { type: "exited", status: status === null ? 1 : status };
}
