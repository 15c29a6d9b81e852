/** What /proc says about sockets and processes, parsed. Text in, values out. */
import { HOST_LITTLE_ENDIAN } from "./firewall/netlink.ts";
import type { Endpoint } from "./firewall/plan.ts";
import { formatAddress } from "./subnet.ts";

export interface TcpEntry {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** TCP_ESTABLISHED and not listening, closing or half-open. */
  readonly isEstablished: boolean;
  readonly inode: number;
}

export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  /** The program's name, cut to 15 bytes by the kernel. */
  readonly name: string;
}

/** Source: enum in net/tcp_states.h. */
const TCP_ESTABLISHED = 1;
/** Columns of a line, split at blanks. Source: Documentation/networking/proc_net_tcp.rst. */
const COLUMN = { local: 1, remote: 2, state: 3, inode: 9 } as const;
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Parses /proc/net/tcp or tcp6. An IPv4 connection of a dual-stack socket is shown as IPv4. */
export function parseTcpTable(text: string, littleEndian: boolean = HOST_LITTLE_ENDIAN): TcpEntry[] {
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length > COLUMN.inode)
    .map((columns) => ({
      local: parseEndpoint(columns[COLUMN.local] ?? "", littleEndian),
      remote: parseEndpoint(columns[COLUMN.remote] ?? "", littleEndian),
      isEstablished: parseInt(columns[COLUMN.state] ?? "", 16) === TCP_ESTABLISHED,
      inode: Number(columns[COLUMN.inode]),
    }));
}

/** Parses /proc/PID/stat. The name may hold blanks and parentheses. Undefined if it is not such a line. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const [, pid, name, parentPid] = /^(\d+) \((.*)\) \S (\d+) /s.exec(text) ?? [];
  if (pid === undefined || name === undefined) return undefined;
  return { pid: Number(pid), parentPid: Number(parentPid), name };
}

/** A process and everything below it. */
export function descendantsOf(pid: number, processes: readonly ProcessStat[]): number[] {
  const found = [pid];
  // The array grows while it is walked: children of children are found on the way.
  for (const parent of found) {
    for (const child of processes) {
      if (child.parentPid === parent && !found.includes(child.pid)) found.push(child.pid);
    }
  }
  return found;
}

/** The inode in what /proc/PID/fd/N links to, if that is a socket. */
export function parseSocketLink(link: string): number | undefined {
  const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
  return inode === undefined ? undefined : Number(inode);
}

/** "0100007F:0277": 32-bit words in the host's byte order as hexadecimal numbers, then the port as a number. */
function parseEndpoint(text: string, littleEndian: boolean): Endpoint {
  const [words = "", port = ""] = text.split(":");
  const bytes = new Uint8Array(words.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const position = littleEndian ? (i & ~3) + 3 - (i & 3) : i;
    bytes[position] = parseInt(words.slice(i * 2, i * 2 + 2), 16);
  }
  const isMapped = bytes.length === 16 && MAPPED_PREFIX.every((byte, index) => bytes[index] === byte);
  const family = bytes.length === 4 || isMapped ? 4 : 6;
  const address = formatAddress(family, isMapped ? bytes.subarray(12) : bytes);
  return { family, address, port: parseInt(port, 16) };
}
