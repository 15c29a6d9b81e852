import { EXIT, SshuttleError } from "./error.ts";
import type { ErrorDetail } from "./error.ts";

/** Code to exit status, for docs/errors.md and for the process. */
export const BUNDLE_ERRORS = {
  "bundle-entry-missing": EXIT.usage,
  "bundle-syntax": EXIT.usage,
  "bundle-top-level-await": EXIT.usage,
  "bundle-native-addon": EXIT.usage,
  "bundle-unresolved": EXIT.usage,
  "bundle-unsupported": EXIT.usage,
  "bundle-damaged": EXIT.io,
} as const;

export type BundleErrorCode = keyof typeof BUNDLE_ERRORS;

/** A program that cannot be bundled, or a bundle on disk that cannot be read. */
export class BundleError extends SshuttleError {
  constructor(code: BundleErrorCode, message: string, detail?: ErrorDetail) {
    super(code, BUNDLE_ERRORS[code], message, detail);
  }
}
