/**
 * The tunnel against its peers, in one lab and one run: bulk down, bulk up, short connections.
 *
 * All tunnels are up for the whole run, each with a subnet of its own, and take turns, so that whatever
 * else the machine does meets them all. "no tunnel" is the same measurement over the direct cable: the
 * ceiling that the generators themselves set.
 */
import { createLab } from "../test/lab/lab.ts";
import type { Lab } from "../test/lab/lab.ts";
import { PROJECT_IN_LAB } from "../test/lab/keeper.ts";
import { iperf } from "./iperf.ts";
import type { LoadResult } from "./load.ts";
import { BENCH_PORT, OURS, PEERS, negotiatedCipher, startPeer } from "./peers.ts";
import type { Endpoint, Peer } from "./peers.ts";
import { formatTable, summarise } from "./statistics.ts";
import type { Summary } from "./statistics.ts";

export interface TunnelOptions {
  /** Rounds; every peer has one turn at everything in each. */
  readonly runs: number;
  /** Length of one measurement. */
  readonly seconds: number;
  /** Names of peers to take part; empty: all. */
  readonly only: readonly string[];
}

const METRICS = ["downMbps", "upMbps", "connectionsPerSecond"] as const;
type Metric = (typeof METRICS)[number];

export interface TunnelResult {
  /** What each peer's ssh agreed on with the lab's sshd. */
  readonly ciphers: Readonly<Record<string, string>>;
  readonly peers: Readonly<Record<string, Readonly<Record<Metric, Summary>>>>;
}

const CONCURRENCY = 20;

/** Measured, but no part of the comparison: what the ends can do without anything between them. */
const NO_TUNNEL: Peer = {
  name: "no tunnel",
  endpoint: (port) => ({ address: "10.9.0.1", port }),
};

export async function benchTunnel({ runs, seconds, only }: TunnelOptions): Promise<TunnelResult> {
  const lab = await createLab({ direct: true });
  try {
    await prepare(lab);
    const chosen = PEERS.filter(({ name }) => only.length === 0 || only.includes(name));
    const ciphers: Record<string, string> = {};
    for (const peer of chosen) ciphers[peer.name] = await negotiatedCipher(lab, peer);
    for (const peer of chosen) await startPeer(lab, peer);
    const peers = [...chosen, NO_TUNNEL];
    const values = new Map(peers.map(({ name }) => [name, emptyRuns()]));
    for (let run = 1; run <= runs; run += 1) {
      for (const peer of peers) {
        const all = values.get(peer.name) ?? emptyRuns();
        all.downMbps.push(await iperf(lab, peer.endpoint(BENCH_PORT.iperf), "down", seconds));
        all.upMbps.push(await iperf(lab, peer.endpoint(BENCH_PORT.iperf), "up", seconds));
        all.connectionsPerSecond.push(await shortConnections(lab, peer.endpoint(BENCH_PORT.echo), seconds));
        console.error(
          `round ${run} of ${runs}: ${peer.name}: ${METRICS.map((m) => round(all[m].at(-1))).join(", ")}`,
        );
      }
    }
    const summaries = [...values].map(([name, all]) => [
      name,
      {
        downMbps: summarise(all.downMbps),
        upMbps: summarise(all.upMbps),
        connectionsPerSecond: summarise(all.connectionsPerSecond),
      },
    ]);
    return { ciphers, peers: Object.fromEntries(summaries) };
  } finally {
    await lab.close();
  }
}

/** A table with, for every figure of ours, its ratio to each peer's. */
export function formatTunnelResult({ ciphers, peers }: TunnelResult): string {
  const rows = Object.entries(peers).map(([name, metrics]) => {
    const cells = METRICS.map((metric) => {
      const { median, min, max } = metrics[metric];
      const ours = peers[OURS]?.[metric].median;
      const ratio = ours === undefined || name === OURS ? "" : ` (ours × ${(ours / median).toFixed(2)})`;
      return `${round(median)} [${round(min)}–${round(max)}]${ratio}`;
    });
    return [name, ciphers[name] ?? "", ...cells];
  });
  const title = ["median [min–max]", "cipher", "down Mbit/s", "up Mbit/s", "short connections /s"];
  return formatTable([title, ...rows]);
}

function emptyRuns(): Record<Metric, number[]> {
  return { downMbps: [], upMbps: [], connectionsPerSecond: [] };
}

async function prepare(lab: Lab): Promise<void> {
  for (const host of [lab.client, lab.server, lab.target]) {
    // Tens of thousands of short connections to one address: closed ones must not use up the ports.
    await host.shell(
      "echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range; echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse",
    );
  }
}

async function shortConnections(lab: Lab, to: Endpoint, seconds: number): Promise<number> {
  const load = `${PROJECT_IN_LAB}/dist/bench/load.js`;
  const line = await lab.client.shell(`node ${load} ${to.address} ${to.port} ${CONCURRENCY} ${seconds}`, {
    timeoutMs: (seconds + 30) * 1000,
  });
  const { perSecond, failures } = JSON.parse(line) as LoadResult;
  if (failures > 0) throw new Error(`${failures} short connections to ${to.address} failed`);
  return perSecond;
}

function round(value: number | undefined): string {
  return Math.round(value ?? Number.NaN).toLocaleString("en");
}
