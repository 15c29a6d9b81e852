/** The reasons that travel on the wire, and the one error class of this folder. */

/** Why a channel was reset. A number that a reader does not know counts as `Internal`. */
export const ResetCode = {
  /** The end that owns the flow gave it up; nothing failed. */
  Aborted: 0,
  Refused: 1,
  HostUnreachable: 2,
  NetworkUnreachable: 3,
  TimedOut: 4,
  NameNotFound: 5,
  /** The application or the target sent a TCP reset. */
  ResetByPeer: 6,
  /** No file descriptor, port, memory or channel number left. */
  Resource: 7,
  Forbidden: 8,
  /** A kind of target that the agent does not know or offer. */
  Unsupported: 9,
  Internal: 10,
} as const;
export type ResetCode = (typeof ResetCode)[keyof typeof ResetCode];

/** Why the link ends. A number that a reader does not know counts as `Internal`. */
export const GoAway = {
  /** Nothing failed: the sender has finished. */
  Normal: 0,
  /** A frame that the rules do not allow here. */
  Protocol: 1,
  /** A length outside the limits of its frame type. */
  FrameSize: 2,
  /** More bytes than the window allowed, or a window out of bounds. */
  FlowControl: 3,
  /** The version ranges of the two hellos do not overlap. */
  Version: 4,
  /** More refusals waiting than the peer is willing to read. */
  Flood: 5,
  /** Nothing heard for too long. */
  Silence: 6,
  Internal: 7,
} as const;
export type GoAway = (typeof GoAway)[keyof typeof GoAway];

const RESET_CODES = Object.values(ResetCode);
const GO_AWAYS = Object.values(GoAway);

/** The values above are their own indexes. */
export const resetCodeFrom = (byte: number | undefined): ResetCode =>
  RESET_CODES[byte || 0] ?? ResetCode.Internal;
export const goAwayFrom = (byte: number | undefined): GoAway => GO_AWAYS[byte || 0] ?? GoAway.Internal;

const ERRNO: Readonly<Record<string, ResetCode>> = {
  ECONNREFUSED: ResetCode.Refused,
  EHOSTUNREACH: ResetCode.HostUnreachable,
  ENETUNREACH: ResetCode.NetworkUnreachable,
  ETIMEDOUT: ResetCode.TimedOut,
  ENOTFOUND: ResetCode.NameNotFound,
  EAI_AGAIN: ResetCode.NameNotFound,
  ECONNRESET: ResetCode.ResetByPeer,
  EPIPE: ResetCode.ResetByPeer,
  EMFILE: ResetCode.Resource,
  ENFILE: ResetCode.Resource,
  ENOBUFS: ResetCode.Resource,
  EADDRNOTAVAIL: ResetCode.Resource,
  EACCES: ResetCode.Forbidden,
  EPERM: ResetCode.Forbidden,
};

/** The reason that a socket's error is on the wire: the one place where errno is read. */
export function resetCodeOf(error: Error & { readonly code?: string }): ResetCode {
  return ERRNO[error.code || ""] ?? ResetCode.Internal;
}

/** The peer broke the protocol: the link ends with this code, and nothing else is at fault. */
export class PeerError extends Error {
  readonly code: GoAway;

  /** The message is `Cannot <deed>: <actual>`. */
  constructor(deed: string, actual: string, code: GoAway = GoAway.Protocol) {
    super(`Cannot ${deed}: ${actual}`);
    this.code = code;
  }
}
