/** One running agent and the link to it: what every intake opens its channels on. */
import { launch } from "../bootstrap/launch.ts";
import { traceTranslator } from "../bootstrap/near-traces.ts";
import type { Launched } from "../bootstrap/launch.ts";
import { LateModules } from "../bootstrap/late-modules.ts";
import type { RuntimeProvider } from "../bootstrap/runtime-provider.ts";
import type { Transport, TransportPeer } from "../bootstrap/transport.ts";
import type { Bundle } from "../bundler/format.ts";
import type { SshuttleError } from "../bundler/error.ts";
import type { AgentOptions } from "../agent-src/agent.ts";
import type { Channel, ChannelHandler } from "../agent-src/wire/channel.ts";
import { GoAway } from "../agent-src/wire/codes.ts";
import { controlLink } from "../agent-src/wire/control.ts";
import { linkStats } from "../agent-src/wire/stats.ts";
import { Link, monotonicMs } from "../agent-src/wire/link.ts";
import { Mux } from "../agent-src/wire/mux.ts";
import type { LinkEnd } from "../agent-src/wire/event.ts";
import type { Target } from "../agent-src/wire/target.ts";
import { LastLines } from "./last-lines.ts";
import { explainEnd, settledWithin } from "./link-end.ts";
import { takeOver } from "./descriptors/take-over.ts";
import type { Log } from "./log.ts";
import { serveModule } from "./module-server.ts";
import { ChannelCounts } from "./statistics/channel-counts.ts";
import { askFarSide } from "./statistics/far-figures.ts";
import type { LinkFigures } from "./statistics/sample.ts";

export interface TunnelRequest {
  readonly transport: Transport;
  readonly bundle: Bundle;
  readonly log: Log;
  /** See LaunchOptions. */
  readonly runtime?: string | undefined;
  readonly runtimes?: RuntimeProvider | undefined;
  /** 0 to 3; from 2 on the agent speaks too. */
  readonly verbosity: number;
  /** Link bytes in flight at most, on either side; undefined: link control decides. */
  readonly flightBytes?: number | undefined;
  /** See LaunchOptions; beside the log. */
  readonly onNoise?: (noise: Uint8Array) => void;
  /** See LaunchOptions. */
  readonly readyTimeoutMs?: number;
}

export interface Tunnel {
  /** For people: the runtime and the system there. */
  readonly farSide: string;
  /** The local process that carries the link, where there is one. */
  readonly pid: number | undefined;
  /** Where this process itself is connected to for the link. */
  readonly peers: readonly TransportPeer[];
  open(target: Target, handler?: ChannelHandler): Channel;
  /** Nothing that was written to a channel is referred to any more: it has left this process. False if that is not known. */
  isFlushed(): boolean;
  /** Of the channels opened here. The intakes count the resets. */
  readonly counts: ChannelCounts;
  /** The figures of now; what the far side does not say within `waitMs` is missing. Never fails. */
  figures(waitMs: number): Promise<LinkFigures>;
  /** Resolves with the reason when the link ends by itself; never after close(). */
  readonly lost: Promise<SshuttleError>;
  /** Ends the link, waits for the far side to go; after a bounded wait the transport is ended by force. */
  close(): Promise<void>;
}

/** Bytes of the hello; the mux may add nothing else before the peer has spoken. */
const HELLO_BYTES = 1024;
/** What the agent opens: it asks for modules of its own. */
const MAX_AGENT_CHANNELS = 64;
/** How long the far side may take to go after go-away. Its own work at that point is one process exit. */
const CLOSE_WAIT_MS = 3000;

const IGNORE: ChannelHandler = {
  data: (channel, bytes) => channel.consume(bytes.length),
  end: () => {},
  reset: () => {},
  writable: () => {},
};

/**
 * Starts the agent by the transport and waits for its hello.
 * @throws BootstrapError if it cannot be started; ClientError "link-lost" or "peer-protocol" if it starts and
 * then does not speak the protocol.
 */
export async function openTunnel(request: TunnelRequest): Promise<Tunnel> {
  const { transport, bundle, log, flightBytes } = request;
  const mux = new Mux("client", monotonicMs(), { maxChannels: MAX_AGENT_CHANNELS, flightBytes });
  controlLink(mux, { flightBytes });
  const hello = mux.pollTransmit(HELLO_BYTES, monotonicMs()) ?? [];
  const options: AgentOptions = { verbosity: Math.max(0, request.verbosity - 1), flightBytes };
  const agent = await launch({
    transport,
    bundle,
    args: [JSON.stringify(options)],
    maps: "after",
    runtime: request.runtime,
    runtimes: request.runtimes,
    input: Buffer.concat(hello),
    onNoise: (bytes) => {
      log(1, `before the agent: ${Buffer.from(bytes).toString("utf8")}`);
      request.onNoise?.(bytes);
    },
    ...(request.readyTimeoutMs === undefined ? {} : { readyTimeoutMs: request.readyTimeoutMs }),
  });
  const lastLines = new LastLines(traceTranslator(bundle));
  agent.stderr.on("data", (chunk: Buffer) => {
    for (const line of lastLines.push(chunk.toString("utf8"))) log(0, line);
  });
  const { link, greeted, ended, isFlushed } = startLink(mux, agent, new LateModules(bundle), log);
  const lost = ended.then((end) =>
    explainEnd(end, {
      agent,
      lastLines,
      where: transport.description,
      hint: "start again; captured connections have been reset",
    }),
  );
  const failure = await Promise.race([greeted, lost]);
  if (failure !== undefined) {
    agent.kill("SIGTERM");
    throw failure;
  }
  sendMaps(link, agent.mapsPayload);
  let closing = false;
  const counts = new ChannelCounts();
  return {
    farSide: `${agent.runtime.name} ${agent.runtime.version} on ${agent.runtime.platform} ${agent.runtime.arch}`,
    pid: agent.pid,
    peers: agent.peers,
    open: (target, handler) => {
      counts.opened++;
      return link.open(target, handler);
    },
    counts,
    figures: async (waitMs) => {
      const far = await askFarSide(link, waitMs);
      return { near: linkStats(mux), far };
    },
    isFlushed,
    lost: new Promise((resolve) => {
      void lost.then((error) => {
        if (!closing) resolve(error);
      });
    }),
    close: async () => {
      closing = true;
      link.goAway(GoAway.Normal);
      const gone = await settledWithin(agent.exit, CLOSE_WAIT_MS);
      if (!gone) agent.kill("SIGTERM");
    },
  };
}

interface StartedLink {
  readonly link: Link;
  readonly greeted: Promise<undefined>;
  readonly ended: Promise<LinkEnd>;
  readonly isFlushed: () => boolean;
}

function startLink(mux: Mux, agent: Launched, late: LateModules, log: Log): StartedLink {
  let greet: (value: undefined) => void = () => {};
  let end: (value: LinkEnd) => void = () => {};
  const greeted = new Promise<undefined>((resolve) => (greet = resolve));
  const ended = new Promise<LinkEnd>((resolve) => (end = resolve));
  const streams = takeOver(agent.stdout, agent.stdin, () => mux.heldBytes === 0);
  const link = new Link({
    mux,
    input: streams.input,
    output: streams.output,
    hello: () => greet(undefined),
    open: (channel) => serveModule(channel, late, log),
    ended: (reason) => {
      streams.end();
      end(reason);
    },
    fault: (error, channel) => log(0, `channel ${channel.id} failed: ${String(error)}`),
  });
  return { link, greeted, ended, isFlushed: () => mux.queuedBytes === 0 && streams.isFlushed() };
}

/** The agent's traces get their columns from these; its lines are right without them (docs/bundle.md). */
function sendMaps(link: Link, payload: Uint8Array): void {
  const channel = link.open({ kind: "maps" }, IGNORE);
  channel.write(payload);
  channel.end();
}
