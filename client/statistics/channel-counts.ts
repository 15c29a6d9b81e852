import type { ResetCode } from "../../agent-src/wire/codes.ts";

/** What became of the channels that the intakes have opened on one tunnel. */
export class ChannelCounts {
  /** Opened in all. */
  opened = 0;
  /** Resets by the far side, or with the link, by their reason. */
  readonly resets: Map<ResetCode, number> = new Map();

  countReset(code: ResetCode): void {
    this.resets.set(code, (this.resets.get(code) ?? 0) + 1);
  }
}
