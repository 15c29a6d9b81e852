import { ResetCode } from "./codes.ts";

const CODES: Readonly<Record<string, ResetCode>> = {
  ECONNREFUSED: ResetCode.Refused,
  EHOSTUNREACH: ResetCode.HostUnreachable,
  EHOSTDOWN: ResetCode.HostUnreachable,
  ENETUNREACH: ResetCode.NetworkUnreachable,
  ENETDOWN: ResetCode.NetworkUnreachable,
  EADDRNOTAVAIL: ResetCode.NetworkUnreachable,
  EAFNOSUPPORT: ResetCode.NetworkUnreachable,
  ETIMEDOUT: ResetCode.TimedOut,
  ENOTFOUND: ResetCode.NameNotFound,
  EAI_AGAIN: ResetCode.NameNotFound,
  ECONNRESET: ResetCode.ResetByPeer,
  EPIPE: ResetCode.ResetByPeer,
  EMFILE: ResetCode.Resource,
  ENFILE: ResetCode.Resource,
  ENOBUFS: ResetCode.Resource,
  ENOMEM: ResetCode.Resource,
  EACCES: ResetCode.Forbidden,
  EPERM: ResetCode.Forbidden,
};

/** The reason that a socket's error is on the wire: the one place where errno is read. */
export function resetCodeOf(error: unknown): ResetCode {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return CODES[code] ?? ResetCode.Internal;
}
