/** What the agent can do without at first: it comes when the agent is at work, and costs nothing before that. */
import type { Channel } from "./wire/channel.ts";
import { LinkControl } from "./wire/link-control.ts";
import type { Mux } from "./wire/mux.ts";
import type { MuxOptions } from "./wire/options.ts";
import { STATS_KIND, tellStats } from "./wire/stats.ts";

/** Sets link control on, unless the flight has a fixed size, and returns what opens the kinds that agent.ts does not. */
export function startLate(mux: Mux, { flightBytes }: MuxOptions): (channel: Channel) => void {
  const { flight } = mux;
  if (!flightBytes) flight.control = new LinkControl(flight);
  return (channel) => {
    const { target } = channel;
    if (target.kind === "unknown" && target.number === STATS_KIND) tellStats(channel, mux);
  };
}
