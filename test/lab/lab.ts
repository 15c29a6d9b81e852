/**
 * A laboratory: five hosts as network namespaces of this machine (layout.ts), with real sshds, a target
 * that serves everything a test asks for, and nothing that touches the machine's own network.
 *
 *     const lab = await createLab();
 *     after(() => lab.close());
 *     await lab.client.shell("ssh -F $CONFIG server true");
 *
 * Needs root. A test process that dies takes its lab with it (keeper.ts); should the keeper itself have
 * been killed, the next lab removes what it left.
 */
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { LAB_VARIABLE, LabHost } from "./host.ts";
import { KEEPER_READY, PROJECT_IN_LAB, keeperScript } from "./keeper.ts";
import { LabProcess } from "./lab-process.ts";
import { readProcess, readProcessTable } from "./process-table.ts";
import { PORT } from "./services.ts";
import { startSshd, writeSshFiles } from "./sshd.ts";

/** Where the sources are: this file runs as dist/test/lab/lab.js. */
const PROJECT = resolve(import.meta.dirname, "../../..");

const DIRECTORY_PREFIX = "sshuttle-lab-";

export interface LabOptions {
  /** Whether the client also reaches destinations without the tunnel, over the direct cable. */
  readonly direct?: boolean;
}

export interface Lab {
  readonly client: LabHost;
  readonly server: LabHost;
  readonly target: LabHost;
  readonly lan: LabHost;
  readonly jump: LabHost;
  /** Keys and configurations; ends with the lab. */
  readonly directory: string;
  /** For `ssh -F`; its hosts are SshAlias in sshd.ts. */
  readonly sshConfig: string;
  /** The sshd on the server, whose log is its stderr. */
  readonly sshd: LabProcess;
  /** The target's program (target.ts), for what it prints. */
  readonly targetProgram: LabProcess;
  /** Ends every process in the lab and waits until nothing is left of it. */
  close(): Promise<void>;
}

/** @throws Error if not root, or with the output of whatever could not be set up. */
export async function createLab({ direct = false }: LabOptions = {}): Promise<Lab> {
  if (process.getuid?.() !== 0) throw new Error("Cannot create a lab: network namespaces need root");
  removeStaleLabs();
  const name = `${DIRECTORY_PREFIX}${process.pid}-${randomBytes(4).toString("hex")}`;
  const directory = join(tmpdir(), name);
  mkdirSync(directory);
  // The umask may have taken it away, and the lab's user has to get at the ssh configuration.
  chmodSync(directory, 0o755);

  const script = keeperScript({ project: PROJECT, node: process.execPath, directory, direct });
  const keeper = new LabProcess(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", [LAB_VARIABLE]: directory },
    detached: true,
  });
  const close = async (): Promise<void> => {
    keeper.stdin.end();
    const { code, stderr } = await keeper.end();
    if (code !== 0) throw new Error(`Cannot close the lab: its keeper ended with ${code}\n${stderr}`);
  };
  try {
    await keeper.output(new RegExp(KEEPER_READY));
    const host = (hostName: LabHost["name"]): LabHost => new LabHost(hostName, keeper.pid, directory);
    const [client, server, target] = [host("client"), host("server"), host("target")];
    const [lan, jump] = [host("lan"), host("jump")];
    await writeSshFiles(client, directory);
    const [sshd, , targetProgram] = await Promise.all([
      startSshd(server, directory),
      startSshd(jump, directory),
      startTarget(target),
    ]);
    const sshConfig = join(directory, "ssh_config");
    return { client, server, target, lan, jump, directory, sshConfig, sshd, targetProgram, close };
  } catch (error) {
    await close().catch(() => rmSync(directory, { recursive: true, force: true }));
    throw error;
  }
}

async function startTarget(target: LabHost): Promise<LabProcess> {
  await target.shell(
    `nft 'table inet lab { chain input { type filter hook input priority 0; tcp dport ${PORT.blackHole} drop; }; }'`,
  );
  const program = target.start(["node", `${PROJECT_IN_LAB}/dist/test/lab/target.js`]);
  await program.output(/target ready/);
  return program;
}

/** What is left of labs whose test process and keeper are both gone: directories, and processes that say so. */
function removeStaleLabs(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = /^sshuttle-lab-(\d+)-/.exec(name)?.[1];
    if (owner === undefined || readProcess(Number(owner)) !== undefined) continue;
    const directory = join(tmpdir(), name);
    const members = readProcessTable().filter(({ pid }) =>
      environmentOf(pid).includes(`${LAB_VARIABLE}=${directory}`),
    );
    // Its keeper is still at work: it ends the lab itself.
    if (members.some(({ command }) => command.includes(KEEPER_READY))) continue;
    for (const { pid } of members) process.kill(pid, "SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    // Gone meanwhile, or none of ours.
    return [];
  }
}
