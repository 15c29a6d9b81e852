/** What the agent can do without at first: it comes when the agent is at work, and costs nothing before that. */
import { bulkConnect } from "./service/bulk-connect.ts";
import type { TcpOptions } from "./service/tcp.ts";
import type { Channel } from "./wire/channel.ts";
import { LinkControl } from "./wire/link-control.ts";
import type { ByteSink } from "./wire/link.ts";
import type { Mux } from "./wire/mux.ts";
import type { MuxOptions } from "./wire/options.ts";
import { STATS_KIND, tellStats } from "./wire/stats.ts";

/** Sets link control on, unless the flight has a fixed size, and returns what opens the kinds that agent.ts does not. */
export function startLate(
  mux: Mux,
  output: ByteSink,
  options: MuxOptions & TcpOptions,
): (channel: Channel) => void {
  const { flight } = mux;
  if (!options.flightBytes) flight.control = new LinkControl(flight);
  options.connect = bulkConnect(mux, output);
  return (channel) => {
    const { target } = channel;
    if (target.kind === "unknown" && target.number === STATS_KIND) tellStats(channel, mux);
  };
}
