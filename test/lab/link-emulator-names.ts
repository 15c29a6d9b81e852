/** What the emulator's process and those who start it have in common. */
import type { LinkParameters } from "./link-queue.ts";

export interface LinkDirections {
  /** From the namespace in which it was started. */
  readonly up: LinkParameters;
  readonly down: LinkParameters;
  /** Of the losses, at the start; another one each time without it. */
  readonly seed?: number;
  /** Whether its devices take many segments of TCP as one packet. Then none can be lost, or wait, by itself. */
  readonly offload?: boolean;
}

export const DEVICE = "emulated";
export const EMULATOR_READY = "link ready";
