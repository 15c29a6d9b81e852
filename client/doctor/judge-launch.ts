/**
 * Which step of the way in a failed launch stands for, and what is known to have worked by then.
 *
 * The cause was found already, where the evidence is (bootstrap/failure.ts, ssh-words.ts): here only its code counts.
 */
import { BootstrapError } from "../../bootstrap/errors.ts";
import type { BootstrapErrorCode } from "../../bootstrap/errors.ts";
import type { RuntimeFile } from "../../bootstrap/runtime-provider.ts";
import type { SshuttleError } from "../../bundler/error.ts";
import { formatBytes } from "../progress.ts";
import { okay, problem, warning } from "./step.ts";
import type { Step, StepName } from "./step.ts";

/** Between ssh, which is asked by itself, and the agent, in their order: what is said of a step that worked. */
const WAY = [
  ["connection", "the server's sshd answers"],
  ["host-key", "the server's key is a trusted one"],
  ["authentication", "the server accepts the login"],
  ["login-shell", "commands run there"],
  ["runtime", "there is one"],
] as const satisfies readonly (readonly [StepName, string])[];

/** All before the step have worked, unless UNCERTAIN has the code. */
const STEP_OF: Readonly<Record<BootstrapErrorCode, StepName>> = {
  "ssh-destination": "ssh",
  "ssh-missing": "ssh",
  "ssh-unresolved": "connection",
  "ssh-unreachable": "connection",
  "ssh-failed": "connection",
  "ssh-host-key": "host-key",
  "ssh-authentication": "authentication",
  "shell-refused": "login-shell",
  "shell-no-input": "login-shell",
  "noise-limit": "noise",
  "runtime-missing": "runtime",
  "runtime-too-old": "runtime",
  "runtime-unavailable": "runtime",
  "runtime-upload": "runtime",
  "runtime-file": "runtime",
  "runtime-fetch": "runtime",
  "runtime-damaged": "runtime",
  "runtime-cache": "runtime",
  "upload-truncated": "agent",
  "agent-crashed": "agent",
  "far-side-killed": "agent",
  "far-side-silent": "authentication",
  "call-failed": "agent",
  "call-lost": "agent",
};

/** These come early or late on the way: nothing is claimed of the steps before. */
const UNCERTAIN: ReadonlySet<string> = new Set<BootstrapErrorCode>([
  "far-side-killed",
  "far-side-silent",
  "ssh-failed",
]);

const WITHOUT_AGENT = "--no-agent does without a runtime, if sshd allows forwarding and its speed will do";

export interface LaunchFailure {
  readonly error: SshuttleError;
  /** Whether the far side printed anything: whatever hangs after that, the login is behind us. */
  readonly hasPrinted: boolean;
  readonly upload?: PlannedUpload | undefined;
}

/** What a tunnel would have brought there, and gone on. */
export interface PlannedUpload {
  readonly file: Pick<RuntimeFile, "name" | "version" | "bytes">;
  readonly folder: string;
}

/** The steps after `ssh`, to the one that failed; those behind it are not known. */
export function judgeLaunchFailure({ error, hasPrinted, upload }: LaunchFailure): readonly Step[] {
  if (upload !== undefined) {
    const { name, version, bytes } = upload.file;
    const what = `${name} ${version} (${formatBytes(bytes)}, compressed about a third) would be uploaded to ${upload.folder}`;
    return [
      ...stepsBefore("runtime"),
      warning("runtime", `none there; ${what}`, "nothing: the first tunnel does it, once"),
    ];
  }
  const isLate = error.code === "far-side-silent" && hasPrinted;
  const step = isLate ? "login-shell" : stepOf(error);
  const worked = isLate || !UNCERTAIN.has(error.code) ? stepsBefore(step) : [];
  const needsRuntime = error.code === "runtime-missing" || error.code === "runtime-too-old";
  const hints = [error.hint, needsRuntime ? WITHOUT_AGENT : undefined].filter((hint) => hint !== undefined);
  return [...worked, problem(step, error.message, hints.length === 0 ? undefined : hints.join("; "))];
}

function stepOf(error: SshuttleError): StepName {
  // What is no fault of the bootstrap is one of the agent, which runs by then.
  return error instanceof BootstrapError ? STEP_OF[error.code] : "agent";
}

function stepsBefore(step: StepName): readonly Step[] {
  // Noise is heard before a runtime is searched.
  const at = WAY.findIndex(([name]) => name === (step === "noise" ? "runtime" : step));
  const before = step === "ssh" ? [] : at < 0 ? WAY : WAY.slice(0, at);
  return before.map(([name, detail]) => okay(name, detail));
}
