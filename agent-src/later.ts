/** What makes the agent good, and is not needed for it to be there: it comes over the running link. */
import type { AgentOptions } from "./agent.ts";
import { bulkConnect } from "./service/bulk-connect.ts";
import { LinkControl } from "./wire/link-control.ts";
import type { ByteSink } from "./wire/link.ts";
import type { Mux } from "./wire/mux.ts";

export function complete(mux: Mux, output: ByteSink, options: AgentOptions): void {
  if (!options.flightBytes) mux.flight.control = new LinkControl(mux.flight);
  options.connect = bulkConnect(mux, output);
}
