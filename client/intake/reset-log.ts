/** What the log says of a channel that came to nothing. */
import { ResetCode } from "../../agent-src/wire/codes.ts";
import type { Log } from "../log.ts";
import type { ChannelCounts } from "../statistics/channel-counts.ts";

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ResetCode).map(([name, code]) => [
    code,
    name.replaceAll(/(?<=.)[A-Z]/g, (c) => ` ${c}`).toLowerCase(),
  ]),
);

/** A reset's code in words: "refused", "host unreachable". */
export function resetName(code: ResetCode): string {
  return NAMES.get(code) ?? `reset code ${code}`;
}

/** Logs and counts each reset that the far side sends for this destination. */
export function noteReset(
  counts: ChannelCounts,
  log: Log,
  destination: () => string,
): (code: ResetCode, detail: string) => void {
  return (code, detail) => {
    counts.countReset(code);
    log(1, `${destination()}: ${resetName(code)}${detail === "" ? "" : ` (${detail})`}`);
  };
}
