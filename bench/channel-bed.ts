/** A tunnel for many connections, the load that makes them, and a look at both ends of the link. */
import { readdirSync, readFileSync } from "node:fs";
import type { Lab } from "../test/lab/lab.ts";
import { PROJECT_IN_LAB } from "../test/lab/keeper.ts";
import type { LabProcess } from "../test/lab/lab-process.ts";
import { familyOf, readProcess } from "../test/lab/process-table.ts";
import type { SshAlias } from "../test/lab/sshd.ts";
import { endAllBut, tunnelCommand } from "../test/lab/tunnel.ts";
import type { LoadCommand } from "./channel-load.ts";

/** How connections come to the client. */
export type Intake = "socks" | "nft";

export interface ChannelBedSettings {
  readonly intake: Intake;
  readonly remote?: SshAlias;
  /** Descriptors that the client, or the agent, may have; as many as this process otherwise. */
  readonly clientDescriptors?: number;
  readonly agentDescriptors?: number;
}

/** Of one end of the link. */
export interface EndFigures {
  readonly residentBytes: number;
  readonly descriptors: number;
}

export interface BothEnds {
  readonly client: EndFigures;
  readonly agent: EndFigures;
}

const SOCKS_PORT = "1080";
const DESTINATION = "10.5.0.1";

/** An answer of the load beyond the time that its command takes by itself. */
const ANSWER_MS = 120_000;

export class ChannelBed {
  private readonly lab: Lab;
  private readonly tunnel: LabProcess;
  private readonly load: LabProcess;
  private readonly agentPid: number;
  private readonly before: ReadonlySet<number>;
  private answers: number;

  private constructor(lab: Lab, tunnel: LabProcess, load: LabProcess, before: ReadonlySet<number>) {
    this.lab = lab;
    this.tunnel = tunnel;
    this.load = load;
    this.before = before;
    this.answers = 0;
    const agent = familyOf(lab.sshd.pid).find(({ command }) => /^\S*node /.test(command));
    if (agent === undefined) throw new Error("Cannot find the agent among what sshd has started");
    this.agentPid = agent.pid;
  }

  static async start(lab: Lab, settings: ChannelBedSettings): Promise<ChannelBed> {
    const { intake, remote = "server", clientDescriptors, agentDescriptors } = settings;
    const before = new Set(lab.client.processes().map(({ pid }) => pid));
    try {
      const args = intake === "socks" ? ["--socks", SOCKS_PORT] : ["--method", "nft", `${DESTINATION}/32`];
      if (agentDescriptors !== undefined) {
        const runtime = await lab.server.shell(`
          printf '#!/bin/sh\\nexec prlimit --nofile=${agentDescriptors}:${agentDescriptors} node "$@"\\n' > /run/few
          chmod 755 /run/few; echo /run/few`);
        args.push("--runtime", runtime.trim());
      }
      // Without a word for each connection.
      const command = tunnelCommand(lab, { args, remote }).filter((word) => word !== "-v");
      const tunnel = lab.client.start([...limit(clientDescriptors), ...command] as [string, ...string[]]);
      await tunnel.output(intake === "socks" ? /^sshuttle: connected to /m : /^sshuttle: capturing /m);
      const script = `${PROJECT_IN_LAB}/dist/bench/channel-load.js`;
      const load = lab.client.start(["node", script, DESTINATION, intake === "socks" ? SOCKS_PORT : "0"]);
      return new ChannelBed(lab, tunnel, load, before);
    } catch (error) {
      await endAllBut(lab.client, before);
      throw error;
    }
  }

  /** What the load says to it. */
  async does<Answer>(command: LoadCommand): Promise<Answer> {
    this.load.stdin.write(`${JSON.stringify(command)}\n`);
    const forMs = "forMs" in command ? command.forMs : 0;
    const lines = new RegExp(`^(?:.*\n){${this.answers}}(.*)\n`);
    const [, answer = ""] = await this.load.output(lines, forMs + ANSWER_MS);
    this.answers++;
    return JSON.parse(answer) as Answer;
  }

  figures(): BothEnds {
    return { client: figuresOf(this.tunnel.pid), agent: figuresOf(this.agentPid) };
  }

  /** Ends it as a user does. @throws Error if it had ended by itself. */
  async close(): Promise<void> {
    this.load.stdin.end();
    await this.load.end();
    this.tunnel.kill("SIGTERM");
    const { code } = await this.tunnel.end();
    if (code !== 143) throw new Error(`The tunnel has ended with ${code}\n${this.tunnel.said}`);
  }

  /** Ends what is left of it, however it is. */
  async clear(): Promise<void> {
    await endAllBut(this.lab.client, this.before);
  }
}

const limit = (descriptors: number | undefined): string[] =>
  descriptors === undefined ? [] : ["prlimit", `--nofile=${descriptors}:${descriptors}`];

function figuresOf(pid: number): EndFigures {
  const entry = readProcess(pid);
  if (entry === undefined) throw new Error(`Process ${pid} has ended`);
  return { residentBytes: entry.residentBytes, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** Descriptors that a process started from here may have. Source: proc(5), /proc/pid/limits. */
export function descriptorLimit(): number {
  const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return Number(hard);
}
