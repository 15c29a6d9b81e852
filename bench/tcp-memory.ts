/**
 * Whether the kernel is short of memory for TCP. All namespaces share it: somewhere on the machine connections that
 * nobody reads from are enough, and every window shrinks to a few segments. What is measured then is worth nothing.
 */
import { readFileSync } from "node:fs";
import { eventually } from "../test/lab/lab-process.ts";

const LOOK_EVERY_MS = 250;
/** Others' measurements are over by then. */
const PATIENCE_MS = 300_000;

export interface TcpMemory {
  readonly pages: number;
  readonly isPressed: boolean;
}

/** Of /proc/net/protocols, the row of TCP. Source: net/core/sock.c, proto_seq_printf(). */
export function parseTcpMemory(protocols: string): TcpMemory {
  const row = /^TCP +\d+ +\d+ +(-?\d+) +(yes|no) /m.exec(protocols);
  return { pages: Number(row?.[1] ?? 0), isPressed: row?.[2] === "yes" };
}

/** Above the first bound of tcp_mem (ip-sysctl) what began under pressure stays under pressure. */
function isShort(): boolean {
  const { pages, isPressed } = parseTcpMemory(readFileSync("/proc/net/protocols", "utf8"));
  const [low = Number.NaN] = readFileSync("/proc/sys/net/ipv4/tcp_mem", "utf8").split(/\s+/).map(Number);
  return isPressed || pages > low;
}

/** Runs `measure` once there is memory. @throws Error if there is none, or it ran short meanwhile. */
export async function withTcpMemory<T>(measure: () => Promise<T>): Promise<T> {
  await eventually("the kernel has memory for TCP", () => (isShort() ? undefined : true), PATIENCE_MS);
  let wasShort = false;
  const timer = setInterval(() => (wasShort ||= isShort()), LOOK_EVERY_MS);
  try {
    const result = await measure();
    if (wasShort) throw new Error("The kernel ran short of memory for TCP: others of this machine use it");
    return result;
  } finally {
    clearInterval(timer);
  }
}
