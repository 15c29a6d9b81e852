import { EXIT, SshuttleError } from "../bundler/error.ts";
import type { ErrorDetail } from "../bundler/error.ts";

export type BootstrapErrorCode =
  | "ssh-destination"
  | "ssh-missing"
  | "ssh-host-key"
  | "ssh-authentication"
  | "ssh-unresolved"
  | "ssh-unreachable"
  | "ssh-failed"
  | "shell-refused"
  | "shell-no-input"
  | "runtime-missing"
  | "runtime-too-old"
  | "runtime-unavailable"
  | "runtime-upload"
  | "runtime-file"
  | "runtime-fetch"
  | "runtime-damaged"
  | "runtime-cache"
  | "noise-limit"
  | "upload-truncated"
  | "agent-crashed"
  | "far-side-killed"
  | "far-side-silent"
  | "call-failed"
  | "call-lost";

/** Code to exit status, for docs/errors.md and for the process. */
export const BOOTSTRAP_ERRORS: Readonly<Record<BootstrapErrorCode, number>> = {
  "ssh-destination": EXIT.usage,
  "ssh-missing": EXIT.unavailable,
  "ssh-host-key": EXIT.unavailable,
  "ssh-authentication": EXIT.noPermission,
  "ssh-unresolved": EXIT.unavailable,
  "ssh-unreachable": EXIT.unavailable,
  "ssh-failed": EXIT.unavailable,
  "shell-refused": EXIT.unavailable,
  "shell-no-input": EXIT.unavailable,
  "runtime-missing": EXIT.unavailable,
  "runtime-too-old": EXIT.unavailable,
  "runtime-unavailable": EXIT.unavailable,
  "runtime-upload": EXIT.unavailable,
  "runtime-file": EXIT.usage,
  "runtime-fetch": EXIT.unavailable,
  "runtime-damaged": EXIT.io,
  "runtime-cache": EXIT.io,
  "noise-limit": EXIT.unavailable,
  "upload-truncated": EXIT.io,
  "agent-crashed": EXIT.software,
  "far-side-killed": EXIT.unavailable,
  "far-side-silent": EXIT.unavailable,
  "call-failed": EXIT.software,
  "call-lost": EXIT.linkLost,
};

/** A far side that could not be reached, or on which nothing could be started. */
export class BootstrapError extends SshuttleError {
  declare readonly code: BootstrapErrorCode;

  constructor(code: BootstrapErrorCode, message: string, detail?: ErrorDetail) {
    super(code, BOOTSTRAP_ERRORS[code], message, detail);
  }
}
