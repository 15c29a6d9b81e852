/** The far side of the tunnel: a link over two byte streams, and the services that its channels ask for. */
import { connectTcp } from "./service/tcp.ts";
import type { TcpOptions } from "./service/tcp.ts";
import { fetchModule, receiveMaps } from "./service/modules.ts";
import type { Channel } from "./wire/channel.ts";
import type { LinkEnd } from "./wire/event.ts";
import { Link, monotonicMs } from "./wire/link.ts";
import type { ByteSink, ByteSource } from "./wire/link.ts";
import { Mux } from "./wire/mux.ts";
import type { MuxOptions } from "./wire/options.ts";

/** All that the client may say on the agent's command line. */
export interface AgentOptions extends TcpOptions, MuxOptions {
  /** 0: faults only. 1: how the link ended. 2: every channel. */
  readonly verbosity?: number | undefined;
}

export interface AgentShell {
  readonly input: ByteSource;
  readonly output: ByteSink;
  readonly addMaps: (payload: Uint8Array) => void;
  /** Takes what fetches modules that were not sent. */
  readonly fetchBy: (fetch: (filename: string) => Promise<Uint8Array>) => void;
  readonly log: (line: string) => void;
  readonly ended: (end: LinkEnd) => void;
}

export function runAgent(shell: AgentShell, options: AgentOptions): Link {
  const verbosity = options.verbosity || 0;
  let openLate: ((channel: Channel) => void) | undefined;

  function open(channel: Channel): void {
    const { id, target } = channel;
    if (verbosity > 1) shell.log(`channel ${id}: ${target.kind}`);
    switch (target.kind) {
      case "tcp":
        return connectTcp(channel, target, options);
      case "maps":
        return receiveMaps(channel, shell.addMaps);
      default:
        if (openLate) openLate(channel); // The link says of what is left that it is not offered.
    }
  }

  const mux = new Mux("agent", monotonicMs(), options);
  const link = new Link({
    mux,
    input: shell.input,
    output: shell.output,
    open,
    ended(end) {
      if (verbosity > 0) shell.log(`link over: ${end.detail}`);
      shell.ended(end);
    },
    fault(error, channel) {
      shell.log(`channel ${channel.id}: ${error instanceof Error ? error.stack || "" : String(error)}`);
    },
  });
  shell.fetchBy((filename) => fetchModule(link, filename));
  // Not needed to be ready, it comes behind. Until then flight and windows are what they are without control.
  import("./late.ts")
    .then(({ startLate }) => (openLate = startLate(mux, shell.output, options)))
    .catch((error) => shell.log(`no link control: ${String(error)}`));
  return link;
}
