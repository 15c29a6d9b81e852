/** The doctor's findings as text and as JSON. */
import { STEP_NAMES } from "./step.ts";
import type { Step, StepStatus } from "./step.ts";

const STATUS_WIDTH = "problem".length;
const NAME_WIDTH = Math.max(...STEP_NAMES.map((name) => name.length));

/** A line, and the fix on one of its own. */
export function formatStep({ step, status, detail, fix }: Step): string {
  const line = `${status.padEnd(STATUS_WIDTH)}  ${step.padEnd(NAME_WIDTH)}  ${detail}\n`;
  return fix === undefined ? line : `${line}${" ".repeat(STATUS_WIDTH + NAME_WIDTH + 4)}fix: ${fix}\n`;
}

/** The last line. */
export function formatSummary(steps: readonly Step[], ms: number): string {
  const [warnings, problems] = [count(steps, "warning"), count(steps, "problem")];
  return `${count(steps, "ok")} ok, ${warnings} ${warnings === 1 ? "warning" : "warnings"}, ${problems} ${problems === 1 ? "problem" : "problems"} in ${(ms / 1000).toFixed(1)} s\n`;
}

/** One object; its shape is promised by docs/doctor.md. */
export function formatJson(steps: readonly Step[], ms: number): string {
  const report = {
    steps,
    warnings: count(steps, "warning"),
    problems: count(steps, "problem"),
    ms: Math.round(ms),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

export function count(steps: readonly Step[], status: StepStatus): number {
  return steps.filter((step) => step.status === status).length;
}
