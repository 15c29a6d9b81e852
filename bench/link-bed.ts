/** A lab for measurements over a link: its congestion control, and the link of a cell with what is routed over it. */
import { setPriority } from "node:os";
import { EmulatedLink } from "../test/lab/emulated-link.ts";
import type { LinkSettings } from "../test/lab/emulated-link.ts";
import { createLab } from "../test/lab/lab.ts";
import type { Lab } from "../test/lab/lab.ts";
import { LINK_CLIENT, LINK_SERVER, addressOf } from "../test/lab/layout.ts";
import { DEVICE } from "../test/lab/link-emulator-names.ts";
import type { SshAlias } from "../test/lab/sshd.ts";
import { endAllBut } from "../test/lab/tunnel.ts";
import { NO_TUNNEL_NETWORK } from "./link-peers.ts";
import { startPeer } from "./peers.ts";
import type { PeerDefinition } from "./peers.ts";
import { withTcpMemory } from "./tcp-memory.ts";

export type Congestion = "cubic" | "bbr";

/** Other programs of the machine come behind those that are measured. Of these none comes before another. */
const NICENESS = -10;

export interface LinkBed {
  readonly lab: Lab;
  readonly congestion: Congestion;
  close(): Promise<void>;
}

/** A lab in which every connection has that congestion control, and starts without what was learnt from earlier ones. */
export async function createLinkBed(congestion: Congestion): Promise<LinkBed> {
  // All that is started from here on inherits it, the lab's sshd and what that starts as well.
  setPriority(NICENESS);
  const lab = await createLab({ direct: true });
  try {
    for (const host of [lab.client, lab.server, lab.target]) {
      // By the routes: a namespace may choose for itself only what the machine allows to everybody.
      await host.shell(
        `echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save
echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range
echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse
ip -4 route show table all | grep -v ^broadcast | while read -r route; do
  case $route in *' table '*) ;; *) route="$route table main" ;; esac
  ip -4 route change $route congctl ${congestion}
done`,
      );
    }
    const backToClient = `${LINK_CLIENT}/30 via ${addressOf("server", "target").v4} congctl ${congestion}`;
    await lab.target.shell(`ip route add ${backToClient.replace(LINK_CLIENT, "198.18.0.0")}`);
  } catch (error) {
    await lab.close();
    throw error;
  }
  return { lab, congestion, close: () => lab.close() };
}

/** The cable of the lab, or one with a length. */
export interface LinkPath {
  readonly alias: SshAlias;
  set(settings: LinkSettings): void;
  close(): Promise<void>;
}

/** Lays the path for `settings`; without them it is the lab's plain cable. */
export async function openPath({ lab, congestion }: LinkBed, settings?: LinkSettings): Promise<LinkPath> {
  const route = `${NO_TUNNEL_NETWORK}.0.0/16`;
  if (settings === undefined) {
    // What is not tunnelled takes the direct cable there.
    const refuse = (): never => {
      throw new RangeError("Cannot set the length of a plain cable");
    };
    return { alias: "server", set: refuse, close: () => Promise.resolve() };
  }
  const link = await EmulatedLink.open(lab, { ...settings, congestion });
  await lab.client.shell(`ip route add ${route} via ${LINK_SERVER} dev ${DEVICE} congctl ${congestion}`);
  return {
    alias: "server-by-link",
    set: (next) => link.set(next),
    close: () => link.close(),
  };
}

/** How long a peer may take to undo its rules before it is killed. */
const GRACE_MS = 3000;

/**
 * Runs `use` with the peer at work over the path; both are gone afterwards.
 * @throws Error also if the kernel ran short of memory for TCP meanwhile.
 */
export async function withPeer<T>(
  bed: LinkBed,
  peer: PeerDefinition,
  settings: LinkSettings | undefined,
  use: (path: LinkPath) => Promise<T>,
): Promise<T> {
  return await withTcpMemory(() => runPeer(bed, peer, settings, use));
}

async function runPeer<T>(
  bed: LinkBed,
  peer: PeerDefinition,
  settings: LinkSettings | undefined,
  use: (path: LinkPath) => Promise<T>,
): Promise<T> {
  const { client, server } = bed.lab;
  const before = new Set([...client.processes(), ...server.processes()].map(({ pid }) => pid));
  const path = await openPath(bed, settings);
  try {
    const child = await startPeer(bed.lab, peer, path.alias);
    const result = await use(path);
    child?.kill("SIGTERM");
    // One that first sends all that it holds is not waited for.
    await child?.end(GRACE_MS).catch(() => {});
    return result;
  } finally {
    // What has been cut off from its client knows nothing of that yet.
    await path.close();
    await Promise.all([endAllBut(client, before), endAllBut(server, before)]);
  }
}
