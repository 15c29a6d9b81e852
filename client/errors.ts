import { EXIT, SshuttleError } from "../bundler/error.ts";
import type { ErrorDetail } from "../bundler/error.ts";

export type ClientErrorCode =
  | "usage"
  | "name-unresolved"
  | "listen-failed"
  | "agent-missing"
  | "link-lost"
  | "peer-protocol"
  | "file-read"
  | "file-write"
  | "program-not-started"
  | "output-cut";

/** Code to exit status, for docs/errors.md and for the process. */
export const CLIENT_ERRORS: Readonly<Record<ClientErrorCode, number>> = {
  usage: EXIT.usage,
  "name-unresolved": EXIT.usage,
  "listen-failed": EXIT.unavailable,
  "agent-missing": EXIT.software,
  "link-lost": EXIT.linkLost,
  "peer-protocol": EXIT.protocol,
  "file-read": EXIT.usage,
  "file-write": EXIT.io,
  "program-not-started": EXIT.unavailable,
  "output-cut": EXIT.io,
};

/** What the tunnel's client can fail of, apart from its bootstrap and its firewall. */
export class ClientError extends SshuttleError {
  constructor(code: ClientErrorCode, message: string, detail?: ErrorDetail) {
    super(code, CLIENT_ERRORS[code], message, detail);
  }
}

/** The command line, or a file it names, is not what it must be. */
export class UsageError extends ClientError {
  constructor(message: string, hint?: string) {
    super("usage", message, hint === undefined ? {} : { hint });
  }
}
