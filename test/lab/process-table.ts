/** The machine's process table as /proc shows it, and the parts of it that a test asks about. */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** The command line, arguments joined by spaces; the name in brackets where there is none. */
  readonly command: string;
  /** Inode of its network namespace. */
  readonly network: number;
  /** Resident memory in bytes. */
  readonly residentBytes: number;
}

/** Every process that can be seen. One that ends meanwhile is left out. */
export function readProcessTable(): ProcessEntry[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((entry) => entry !== undefined);
}

/** One process, or undefined if there is none of that number. What has ended and awaits its parent is none. */
export function readProcess(pid: number): ProcessEntry | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)`, "m").exec(status)?.[1] ?? "";
    if (/^[ZX]/.test(field("State"))) return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return {
      pid,
      parent: Number(field("PPid")),
      command: command === "" ? `[${field("Name")}]` : command,
      network: Number(/^net:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[1]),
      residentBytes: Number.parseInt(field("VmRSS") || "0", 10) * 1024,
    };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** `pid` itself and everything below it. */
export function familyOf(pid: number, table: readonly ProcessEntry[] = readProcessTable()): ProcessEntry[] {
  const family = table.filter((entry) => entry.pid === pid);
  // Grows while it is walked: children of children are found on the way.
  for (const { pid: parent } of family) family.push(...table.filter((entry) => entry.parent === parent));
  return family;
}

/** ESRCH: it ended while being read. EACCES: another user's, or a zombie. */
function isGone(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && ["ENOENT", "ESRCH", "EACCES"].includes(String(error.code))
  );
}
