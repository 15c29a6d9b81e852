/**
 * The one base class of every error that a user may see.
 *
 * Each folder lists its codes with their exit status in an `errors.ts` of its own; a test compares the
 * lists with the headings of docs/errors.md. Dispatch is on `code`, never on text.
 */

/** Exit statuses. Source: sysexits.h, but for 97 to 99, which stage 0 and stage 2 use on the far side. */
export const EXIT = {
  usage: 64,
  unavailable: 69,
  software: 70,
  firewall: 71,
  io: 74,
  linkLost: 75,
  protocol: 76,
  noPermission: 77,
} as const;

export interface ErrorDetail {
  /** What the reader can do about it, one line, shown below the message. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** An error with a stable `code`, a process exit status, and optionally a hint on a line of its own. */
export class SshuttleError extends Error {
  readonly code: string;
  readonly exitCode: number;
  readonly hint: string | undefined;

  constructor(code: string, exitCode: number, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = new.target.name;
    this.code = code;
    this.exitCode = exitCode;
    this.hint = detail.hint;
  }
}
