/**
 * What ssh is connected to, by evidence: the established TCP peers of its process and of those below it
 * (ProxyJump, ProxyCommand), as the kernel shows them. Names and configuration are not asked; they may lead
 * elsewhere than the connection that is there.
 *
 * An ssh that shares the connection of another one (ControlMaster) holds no TCP socket, only a unix socket to
 * the master. Then the master's connections are the evidence.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Endpoint } from "./firewall/plan.ts";
import { descendantsOf, parseProcessStat, parseSocketLink, parseTcpTable } from "./proc-net.ts";
import type { ProcessStat } from "./proc-net.ts";
import { readUnixPeers } from "./unix-peers.ts";

/** A master renames its command line but not its program. An ssh-agent, at the end of such a socket too, is none. */
const MASTER_NAME = "ssh";

/**
 * The peers of a process and its descendants, or of the master that they go through, each once. Empty if
 * nothing is known: another user's process, a transport without TCP.
 */
export function findOwnConnections(pid: number): Endpoint[] {
  const processes = readProcesses();
  const family = descendantsOf(pid, processes);
  const peers = peersOf(family);
  if (peers.length > 0) return peers;
  return peersOf(mastersOf(family, processes).flatMap((master) => descendantsOf(master, processes)));
}

function peersOf(pids: readonly number[]): Endpoint[] {
  const peers = pids.flatMap((pid) => {
    const inodes = socketsOf(pid);
    return [...readTable(pid, "tcp"), ...readTable(pid, "tcp6")].filter(
      ({ isEstablished, inode }) => isEstablished && inodes.has(inode),
    );
  });
  const distinct = new Map(peers.map(({ remote }) => [`${remote.address} ${remote.port}`, remote]));
  return [...distinct.values()];
}

function mastersOf(family: readonly number[], processes: readonly ProcessStat[]): number[] {
  const peerOf = readUnixPeers();
  const wanted = new Set(
    family
      .flatMap((pid) => [...socketsOf(pid)])
      .map((inode) => peerOf.get(inode))
      .filter((inode) => inode !== undefined),
  );
  return processes
    .filter(({ pid, name }) => name === MASTER_NAME && !family.includes(pid))
    .map(({ pid }) => pid)
    .filter((pid) => [...socketsOf(pid)].some((inode) => wanted.has(inode)));
}

function readTable(pid: number, table: "tcp" | "tcp6"): ReturnType<typeof parseTcpTable> {
  return parseTcpTable(readOrEmpty(`/proc/${pid}/net/${table}`));
}

function readProcesses(): ProcessStat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => parseProcessStat(readOrEmpty(`/proc/${pid}/stat`)))
    .filter((stat) => stat !== undefined);
}

/** Inodes of the sockets that a process holds; none if it is not ours to look into, or has ended. */
function socketsOf(pid: number): ReadonlySet<number> {
  const inodes = new Set<number>();
  let descriptors: string[];
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return inodes;
  }
  for (const descriptor of descriptors) {
    const inode = parseSocketLink(linkOrEmpty(`/proc/${pid}/fd/${descriptor}`));
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

function linkOrEmpty(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
