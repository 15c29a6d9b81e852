/**
 * Whether the kernel is short of memory for TCP. All namespaces share it: somewhere on the machine connections that
 * nobody reads from are enough, and every window shrinks to a few segments. What is measured then is worth nothing.
 */
import { readFileSync } from "node:fs";
import { eventually } from "../test/lab/lab-process.ts";

const LOOK_EVERY_MS = 250;
/** Others' measurements are over by then. */
const PATIENCE_MS = 300_000;

/** Source: net/core/sock.c, proto_seq_printf(): the column "press". */
export function parsePressure(protocols: string): boolean {
  return /^TCP +\d+ +\d+ +-?\d+ +yes /m.test(protocols);
}

function isShort(): boolean {
  return parsePressure(readFileSync("/proc/net/protocols", "utf8"));
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
