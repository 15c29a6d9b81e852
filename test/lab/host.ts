/** One host of a lab: commands are run there, its processes listed, its packet filter read. */
import { createInterface } from "node:readline";
import { statSync } from "node:fs";
import { BIN_IN_LAB, LAB_USER, PROJECT_IN_LAB } from "./keeper.ts";
import { LabProcess } from "./lab-process.ts";
import type { Output, SpawnOptions } from "./lab-process.ts";
import type { HostName } from "./layout.ts";
import type { ExchangeRequest, ExchangeResult } from "./probe.ts";
import { readProcessTable } from "./process-table.ts";
import type { ProcessEntry } from "./process-table.ts";
import { RULES_COMMAND, normaliseRules } from "./rules.ts";

export interface StartOptions extends SpawnOptions {
  /** As the lab's user without rights instead of root. */
  readonly unprivileged?: boolean;
}

export interface RunOptions extends StartOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** What marks a process as a lab's, in its environment: the name of the lab's directory. */
export const LAB_VARIABLE = "SSHUTTLE_LAB";

export const LAB_PATH: string = `${BIN_IN_LAB}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

export class LabHost {
  readonly name: HostName;
  private readonly keeperPid: number;
  private readonly labName: string;
  /** Inode of the network namespace, which says of a process whether it is here. */
  private readonly network: number;
  private probing: Probe | undefined;

  constructor(name: HostName, keeperPid: number, labName: string) {
    this.name = name;
    this.keeperPid = keeperPid;
    this.labName = labName;
    this.network = statSync(this.networkPath).ino;
  }

  /** Starts a command here. It is a direct child: its pid is the command's own. */
  start(argv: readonly [string, ...string[]], options: StartOptions = {}): LabProcess {
    const { unprivileged = false, env = {} } = options;
    const { name, uid } = LAB_USER;
    const enter = [
      "nsenter",
      `--mount=/proc/${this.keeperPid}/ns/mnt`,
      `--net=${this.networkPath}`,
      `--wd=/proc/${this.keeperPid}/root${options.cwd ?? PROJECT_IN_LAB}`,
      "--",
    ] as const;
    const drop = unprivileged
      ? ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--inh-caps=-all", "--"]
      : [];
    return new LabProcess([...enter, ...drop, ...argv], {
      ...options,
      cwd: "/",
      env: {
        PATH: LAB_PATH,
        HOME: unprivileged ? `/run/home/${name}` : "/run/home/root",
        USER: unprivileged ? name : "root",
        LC_ALL: "C",
        [LAB_VARIABLE]: this.labName,
        ...env,
      },
    });
  }

  /** Runs a command to its end, whatever that is. */
  async run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<Output> {
    const child = this.start(argv, options);
    child.stdin.end(options.input ?? "");
    return await child.end(options.timeoutMs);
  }

  /** The stdout of a shell script that must succeed. @throws Error with its output, if it does not. */
  async shell(script: string, options: RunOptions = {}): Promise<string> {
    const { code, signal, stdout, stderr } = await this.run(["sh", "-ec", script], options);
    if (code === 0) return stdout;
    throw new Error(`On ${this.name}, "${script}" ended with ${signal ?? code}\n${stderr}${stdout}`);
  }

  /** Packet filter and policy routing, normalised (see rules.ts). */
  async rules(): Promise<string> {
    return normaliseRules(await this.shell(RULES_COMMAND));
  }

  /** The processes that are on this host now, but for the probe. */
  processes(): ProcessEntry[] {
    return readProcessTable().filter(
      (entry) => entry.network === this.network && entry.pid !== this.probing?.pid,
    );
  }

  /** Makes one connection from here, by a program that is started once a host. */
  async exchange(request: ExchangeRequest): Promise<ExchangeResult> {
    this.probing ??= new Probe(this.start(["node", `${PROJECT_IN_LAB}/dist/test/lab/probe.js`]));
    return await this.probing.exchange(request);
  }

  private get networkPath(): string {
    return `/proc/${this.keeperPid}/root/run/netns/${this.name}`;
  }
}

class Probe {
  readonly pid: number;
  private readonly child: LabProcess;
  private readonly waiting = new Map<
    number,
    { readonly resolve: (result: ExchangeResult) => void; readonly reject: (error: Error) => void }
  >();
  private lastId = 0;

  constructor(child: LabProcess) {
    this.child = child;
    this.pid = child.pid;
    createInterface({ input: child.stdoutStream }).on("line", (line) => {
      const { id, result } = JSON.parse(line) as { id: number; result: ExchangeResult };
      this.waiting.get(id)?.resolve(result);
      this.waiting.delete(id);
    });
    const fail = (): void => {
      for (const { reject } of this.waiting.values()) reject(new Error(`The probe has ended\n${child.said}`));
    };
    child.exit.then(fail, fail);
  }

  async exchange(request: ExchangeRequest): Promise<ExchangeResult> {
    const id = (this.lastId += 1);
    return await new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.child.stdin.write(`${JSON.stringify({ id, request })}\n`);
    });
  }
}
