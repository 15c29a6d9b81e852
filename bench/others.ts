/** How much of the machine others had while something was measured: what tells a bad figure from a disturbed one. */
import { readFileSync } from "node:fs";
import { familyOf } from "../test/lab/process-table.ts";

/** Clock ticks of all processors together, since the machine was started. */
export interface Ticks {
  readonly all: number;
  /** Not idle; what a hypervisor gave to other machines included. */
  readonly busy: number;
  /** Of this process and all that it has started, labs and all. */
  readonly ours: number;
}

/** A moment to count from. */
export class OthersSince {
  private readonly start: Ticks;

  constructor() {
    this.start = readTicks();
  }

  /** The part of the processors' time since then that went to others, 0 to 1. */
  share(): number {
    return othersShare(this.start, readTicks());
  }
}

export function othersShare(start: Ticks, end: Ticks): number {
  const others = end.busy - start.busy - (end.ours - start.ours);
  return Math.max(0, others / Math.max(1, end.all - start.all));
}

/** As of now. */
export function readTicks(): Ticks {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const ours = familyOf(process.pid).reduce((sum, { pid }) => sum + ticksOf(pid), 0);
  return { ...parseStatTicks(line), ours };
}

/** Source: proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal. */
export function parseStatTicks(line: string): Omit<Ticks, "ours"> {
  const fields = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = fields.reduce((sum, ticks) => sum + ticks, 0);
  const [, , , idle = 0, waiting = 0] = fields;
  return { all, busy: all - idle - waiting };
}

/** Source: proc_pid_stat(5), fields 14 to 17: its own, and those of children that it has waited for. */
function ticksOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
  } catch {
    // It has ended meanwhile; its parent has its ticks.
    return 0;
  }
}
