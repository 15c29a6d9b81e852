/** The ports on which the target (test/lab/target.ts) serves, and what each of them does. */

export const PORT = {
  /** Sends back what it gets; ends when the other side has ended. */
  echo: 7,
  /**
   * GET /stream?bytes=N (with &flip=OFFSET one bit is wrong), PUT /sink (answers with bytes and sha256), GET /whoami,
   * GET /swallowed.
   */
  http: 80,
  /** Reads until the other side ends, and only then answers with bytes and sha256. */
  answersAtEnd: 8100,
  /** Sends ENDS_FIRST_BYTES of the stream, ends, goes on reading; the target prints what it read. */
  endsFirst: 8101,
  /** Resets every connection at once. */
  resets: 8102,
  /** Accepts and never reads. */
  neverReads: 8103,
  /** Nothing listens here. */
  refused: 8104,
  /** The target's packet filter drops what comes here: a connect ends by its own time-out. */
  blackHole: 8105,
  /** Sends zeros for as long as they are taken. */
  pours: 8106,
  /** Takes whatever comes; GET /swallowed says how much, of each connection that is open. */
  swallows: 8107,
} as const;

/** Ports of one line of JSON, a WhoAmI, and the end. */
export const WHOAMI_PORTS: readonly number[] = Array.from({ length: 16 }, (_, index) => 8000 + index);

export const ENDS_FIRST_BYTES = 100_000;

/** A connection as the target sees it. */
export interface WhoAmI {
  readonly peer: string;
  readonly peerPort: number;
  /** The address that the connection was made to. */
  readonly local: string;
  readonly localPort: number;
}

export interface Received {
  readonly bytes: number;
  readonly sha256: string;
}
