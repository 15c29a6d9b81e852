/** What may be set on either end; the defaults are constants of the files that use them. */
export interface MuxOptions {
  /** Bytes that the peer may send on a channel before any is consumed, at least `INITIAL_WINDOW_BYTES`. */
  readonly windowBytes?: number | undefined;
  /** Received bytes that all channels may hold together, see receive-memory.ts. */
  readonly memoryBytes?: number | undefined;
  /** Channels that the peer may have open. */
  readonly maxChannels?: number | undefined;
  /** Link bytes sent and not acknowledged: so many at most, and no link control. */
  readonly flightBytes?: number | undefined;
  /** Silence after which a PING is sent. */
  readonly pingMs?: number | undefined;
  /** Silence after which the link counts as lost. */
  readonly lostMs?: number | undefined;
}
