import { Mux } from "../wire/mux.ts";
import type { MuxOptions } from "../wire/options.ts";

/**
 * A mux that tells when it has nothing to transmit for now: all is sent, or what is left waits for credit. Not in
 * Mux itself, since the tunnel's agent, whose bytes are counted, has no use for it.
 */
export class TellingMux extends Mux {
  /** It may call `goAway`: the link asks again at once. */
  onIdle: () => void;

  constructor(role: "client" | "agent", nowMs: number, options?: MuxOptions) {
    super(role, nowMs, options);
    this.onIdle = () => undefined;
  }

  override pollTransmit(maxBytes: number, nowMs: number): Uint8Array[] | undefined {
    const list = super.pollTransmit(maxBytes, nowMs);
    if (!list && !this.end) this.onIdle();
    return list;
  }
}
