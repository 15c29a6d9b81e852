/**
 * The name that an instance's tables and chains bear: it says which process they belong to, so that what a
 * dead one left can be told from what a living one uses.
 *
 *   sshuttle-<pid>-<start>-<boot><namespace>     each in base 36; an iptables chain adds "-c", "-s" or "-o"
 *
 * The start time tells a process from a later one with its number, the boot from one before a restart (rules
 * saved and loaded again by the distribution), the namespace from one whose number means nothing here.
 * iptables takes 28 characters (XT_EXTENSION_MAXNAMELEN), hence the digits below.
 */
import { readFileSync, readlinkSync } from "node:fs";

export interface Instance {
  readonly pid: number;
  /** Start in clock ticks since boot, modulo START_RANGE. */
  readonly start: number;
  /** Of the boot's random id, modulo WORLD_RANGE. */
  readonly boot: number;
  /** Inode of the process-number namespace, modulo WORLD_RANGE. */
  readonly namespace: number;
}

export type InstanceState = "alive" | "dead" | "unknown";

const START_DIGITS = 4;
const WORLD_DIGITS = 3;
const START_RANGE = 36 ** START_DIGITS;
const WORLD_RANGE = 36 ** WORLD_DIGITS;
const NAME = /^sshuttle-([0-9a-z]{1,5})-([0-9a-z]{4})-([0-9a-z]{3})([0-9a-z]{3})$/;
/** Fields of /proc/PID/stat after the command's ")": state is the first, start time the twentieth. */
const STAT = { state: 0, startTime: 19 } as const;

export function formatInstanceName({ pid, start, boot, namespace }: Instance): string {
  const world = [boot, namespace].map((part) => base36(part, WORLD_DIGITS)).join("");
  return `sshuttle-${base36(pid, 1)}-${base36(start, START_DIGITS)}-${world}`;
}

/** Undefined if it is not such a name. */
export function parseInstanceName(name: string): Instance | undefined {
  const [, pid, start, boot, namespace] = NAME.exec(name) ?? [];
  if (pid === undefined || start === undefined || boot === undefined || namespace === undefined) {
    return undefined;
  }
  return {
    pid: parseInt(pid, 36),
    start: parseInt(start, 36),
    boot: parseInt(boot, 36),
    namespace: parseInt(namespace, 36),
  };
}

/** What is known of an instance, seen from `self`. `startOfPid` is what is running under its number now. */
export function judgeInstance(
  instance: Instance,
  self: Instance,
  startOfPid: number | undefined,
): InstanceState {
  if (instance.boot !== self.boot) return "dead";
  if (instance.namespace !== self.namespace) return "unknown";
  return instance.start === startOfPid ? "alive" : "dead";
}

/** The instance that this process is. */
export function currentInstance(): Instance {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1");
  const inode = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  return {
    pid: process.pid,
    start: startOfProcess(process.pid) ?? 0,
    boot: parseInt(bootId.slice(0, 8), 16) % WORLD_RANGE,
    namespace: Number(inode) % WORLD_RANGE,
  };
}

/** What /proc says about the process that a name speaks of. */
export function stateOfInstance(instance: Instance): InstanceState {
  return judgeInstance(instance, currentInstance(), startOfProcess(instance.pid));
}

/** Undefined if no such process runs; one that has ended but was not waited for runs no more. */
function startOfProcess(pid: number): number | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields[STAT.state] === "Z" || fields[STAT.state] === "X") return undefined;
  return Number(fields[STAT.startTime]) % START_RANGE;
}

function base36(value: number, digits: number): string {
  return value.toString(36).padStart(digits, "0");
}
