/** What goes wrong on the way to a host, in the codes that OpenSSH's own failures have (ssh-words.ts). */
import { BootstrapError } from "../errors.ts";
import { printable } from "../../bundler/printable.ts";

/** A name that leads nowhere, against an address that does. Source: getaddrinfo(3). */
const UNRESOLVED: ReadonlySet<unknown> = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "EAI_NODATA",
  "EAI_NONAME",
]);

/** The error for a connection that could not be made; `where` is "ssh user@host". */
export function routeError(where: string, cause: unknown): BootstrapError {
  const errors: unknown[] = cause instanceof AggregateError ? cause.errors : [cause];
  const codes = errors.map((error) => (error instanceof Error && "code" in error ? error.code : undefined));
  const reason = errors
    .map((error) => printable(error instanceof Error ? error.message : String(error)))
    .join("; ");
  if (codes.some((code) => UNRESOLVED.has(code))) {
    return new BootstrapError("ssh-unresolved", `Cannot find ${where}: ${reason}`, {
      cause,
      hint: "check the host's spelling, the name service, and HostName in the ssh configuration",
    });
  }
  const hint = codes.includes("ECONNREFUSED")
    ? "check that sshd runs there, and on that port"
    : "check address, port, and the networks and firewalls on the way";
  return unreachable(where, reason, hint, cause);
}

export function unreachable(where: string, reason: string, hint: string, cause?: unknown): BootstrapError {
  return new BootstrapError("ssh-unreachable", `Cannot reach ${where}: ${reason}`, { cause, hint });
}
