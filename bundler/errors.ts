import { EXIT, SshuttleError } from "./error.ts";
import type { ErrorDetail } from "./error.ts";

export type BundleErrorCode =
  | "bundle-entry-missing"
  | "bundle-syntax"
  | "bundle-top-level-await"
  | "bundle-native-addon"
  | "bundle-unresolved"
  | "bundle-unsupported"
  | "bundle-damaged";

/** Code to exit status, for docs/errors.md and for the process. */
export const BUNDLE_ERRORS: Readonly<Record<BundleErrorCode, number>> = {
  "bundle-entry-missing": EXIT.usage,
  "bundle-syntax": EXIT.usage,
  "bundle-top-level-await": EXIT.usage,
  "bundle-native-addon": EXIT.usage,
  "bundle-unresolved": EXIT.usage,
  "bundle-unsupported": EXIT.usage,
  "bundle-damaged": EXIT.io,
};

/** A program that cannot be bundled, or a bundle on disk that cannot be read. */
export class BundleError extends SshuttleError {
  constructor(code: BundleErrorCode, message: string, detail?: ErrorDetail) {
    super(code, BUNDLE_ERRORS[code], message, detail);
  }
}
