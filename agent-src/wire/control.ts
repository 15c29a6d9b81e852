/** What an end decides anew all the time: how much is in flight, and how wide its windows are. Neither is needed to begin. */
import { LinkControl } from "./link-control.ts";
import type { Mux } from "./mux.ts";
import type { MuxOptions } from "./options.ts";
import { ReceiveMemory } from "./receive-memory.ts";

/** From now on. A flight whose size is an option has no link control. */
export function controlLink(mux: Mux, { flightBytes, memoryBytes }: MuxOptions = {}): void {
  if (!flightBytes) mux.flight.control = new LinkControl(mux.flight);
  mux.windows = new ReceiveMemory(mux, { memoryBytes });
}
