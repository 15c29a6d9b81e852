import { EXIT, SshuttleError } from "../../bundler/error.ts";
import type { ErrorDetail } from "../../bundler/error.ts";

export type FirewallErrorCode =
  | "firewall-ffi-missing"
  | "firewall-no-permission"
  | "firewall-no-method"
  | "firewall-refused"
  | "firewall-request"
  | "firewall-helper-failed"
  | "firewall-helper-lost"
  | "firewall-left-something";

/** Code to exit status, for docs/errors.md and for the process. */
export const FIREWALL_ERRORS: Readonly<Record<FirewallErrorCode, number>> = {
  "firewall-ffi-missing": EXIT.unavailable,
  "firewall-no-permission": EXIT.noPermission,
  "firewall-no-method": EXIT.firewall,
  "firewall-refused": EXIT.firewall,
  "firewall-request": EXIT.protocol,
  "firewall-helper-failed": EXIT.firewall,
  "firewall-helper-lost": EXIT.firewall,
  "firewall-left-something": EXIT.io,
};

/** Local connections cannot be captured, or their capture cannot be ended cleanly. */
export class FirewallError extends SshuttleError {
  constructor(code: FirewallErrorCode, message: string, detail?: ErrorDetail) {
    super(code, FIREWALL_ERRORS[code], message, detail);
  }
}

/** Narrows a text to a code of this folder, for errors that cross the helper's channel. */
export function isFirewallErrorCode(text: string): text is FirewallErrorCode {
  return Object.hasOwn(FIREWALL_ERRORS, text);
}
