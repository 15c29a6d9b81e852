/** `sshuttle doctor [-r HOST] [--json] [TARGET]… [SUBNET]…`: each step of the way, and what to do about it. */
import { DOCTOR_HELP } from "../help.ts";
import { createLog } from "../log.ts";
import { count, formatJson, formatStep, formatSummary } from "../doctor/report.ts";
import { parseDoctorOptions } from "../doctor/options.ts";
import type { DoctorOptions } from "../doctor/options.ts";
import { examineSsh } from "../doctor/ssh-program.ts";
import type { Step } from "../doctor/step.ts";
import { examineThisMachine } from "../doctor/this-machine.ts";
import { examineWayIn } from "../doctor/way-in.ts";

/**
 * Prints the steps to stdout, as they are done unless it is JSON. Resolves with 1 if there is a problem.
 * @throws UsageError.
 */
export async function runDoctor(argv: readonly string[]): Promise<number> {
  const options = parseDoctorOptions(argv);
  if (options === "help") {
    process.stdout.write(DOCTOR_HELP);
    return 0;
  }
  const start = performance.now();
  const steps: Step[] = [];
  for await (const step of examine(options)) {
    steps.push(step);
    if (!options.json) process.stdout.write(formatStep(step));
  }
  const ms = performance.now() - start;
  const last = options.json ? formatJson(steps, ms) : formatSummary(steps, ms);
  // The process ends by force, and a pipe takes its time.
  await new Promise<void>((resolve) => process.stdout.write(last, () => resolve()));
  return count(steps, "problem") === 0 ? 0 : 1;
}

async function* examine(options: DoctorOptions): AsyncGenerator<Step> {
  if (options.remote === undefined) yield await examineSsh(options);
  else yield* examineWayIn(options, createLog(options.verbosity));
  yield* examineThisMachine(options);
}
