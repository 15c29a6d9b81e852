/** What the agent can do without at first: it comes when the agent is at work, and costs nothing before that. */
import { bulkConnect } from "./service/bulk-connect.ts";
import type { TcpOptions } from "./service/tcp.ts";
import type { Channel } from "./wire/channel.ts";
import { controlLink } from "./wire/control.ts";
import type { ByteSink } from "./wire/link.ts";
import type { Mux } from "./wire/mux.ts";
import type { MuxOptions } from "./wire/options.ts";
import { STATS_KIND, tellStats } from "./wire/stats.ts";

/** Sets link control and windows that grow on, and returns what opens the kinds that agent.ts does not. */
export function startLate(
  mux: Mux,
  output: ByteSink,
  options: MuxOptions & TcpOptions,
): (channel: Channel) => void {
  controlLink(mux, options);
  options.connect = bulkConnect(mux, output);
  return (channel) => {
    const { target } = channel;
    if (target.kind === "unknown" && target.number === STATS_KIND) tellStats(channel, mux);
  };
}
