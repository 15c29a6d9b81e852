/** What a figure depends on besides the code: said with every result. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release } from "node:os";

export interface MachineFacts {
  readonly cores: number;
  readonly processor: string;
  readonly kernel: string;
  readonly node: string;
  readonly openssh: string;
  readonly sshuttle: string;
  readonly congestionControl: string;
  /** Load average of the last minute before the bench: what else the cores were doing. */
  readonly loadBefore: number;
}

export function readMachineFacts(): MachineFacts {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? "unknown",
    kernel: release(),
    node: process.version,
    openssh: firstLine("ssh", "-V"),
    sshuttle: firstLine("sshuttle", "--version"),
    congestionControl: readFileSync("/proc/sys/net/ipv4/tcp_congestion_control", "utf8").trim(),
    loadBefore: Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]),
  };
}

/** ssh prints its version on stderr, sshuttle on stdout. */
function firstLine(command: string, option: string): string {
  const { stdout, stderr, error } = spawnSync(command, [option], { encoding: "utf8" });
  return error === undefined ? (`${stdout}${stderr}`.split("\n")[0] ?? "") : "absent";
}
