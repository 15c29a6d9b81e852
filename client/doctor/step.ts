/** What the doctor says of one step: the record that is printed as a line, and as JSON (docs/doctor.md). */
import { printable } from "../../bundler/printable.ts";

/** Stable: programs read them. In the order of the way. */
export const STEP_NAMES = [
  "ssh",
  "connection",
  "host-key",
  "authentication",
  "login-shell",
  "noise",
  "runtime",
  "agent",
  "link",
  "target",
  "names-there",
  "subnet",
  "privileges",
  "firewall",
  "ip-forward",
  "names-here",
] as const;
export type StepName = (typeof STEP_NAMES)[number];

/** warning: the tunnel works, and something may surprise. problem: it does not. */
export type StepStatus = "ok" | "warning" | "problem";

export interface Step {
  readonly step: StepName;
  readonly status: StepStatus;
  /** One line, harmless for a terminal. */
  readonly detail: string;
  /** What to do about it, in one line. */
  readonly fix?: string;
}

export function okay(step: StepName, detail: string): Step {
  return { step, status: "ok", detail: inOneLine(detail) };
}

export function warning(step: StepName, detail: string, fix?: string): Step {
  return finding(step, "warning", detail, fix);
}

export function problem(step: StepName, detail: string, fix?: string): Step {
  return finding(step, "problem", detail, fix);
}

function finding(step: StepName, status: StepStatus, detail: string, fix: string | undefined): Step {
  return {
    step,
    status,
    detail: inOneLine(detail),
    ...(fix === undefined ? {} : { fix: inOneLine(fix) }),
  };
}

/** Messages quote the far side, over several lines at times. */
export function inOneLine(text: string): string {
  return printable(
    text
      .trim()
      .replace(/\s*[\r\n]+\s*/g, " / ")
      .replace(/: \/ /g, ": "),
  );
}

/** In whole ms from 10 on. */
export function formatMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
