/** Which ssh is on this machine. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { ConnectionOptions } from "../connection.ts";
import { okay, problem, warning } from "./step.ts";
import type { Step } from "./step.ts";

/** It prints a line and ends. */
const TIMEOUT_MS = 5000;

/** What a program did that was asked for its version. */
export interface VersionAnswer {
  /** The program as it was named. */
  readonly program: string;
  /** Of stdout and stderr: OpenSSH's is on the latter. */
  readonly text: string;
  /** Why it could not be started, such as "ENOENT". */
  readonly errno?: string | undefined;
}

/** By `ssh -V`, or from the package; nothing is connected. */
export async function examineSsh({ transport, sshCommand }: ConnectionOptions): Promise<Step> {
  return transport === "ssh2" ? okay("ssh", ssh2Version()) : judgeVersion(await askVersion(sshCommand));
}

export function judgeVersion({ program, text, errno }: VersionAnswer): Step {
  if (errno === "ENOENT" || errno === "EACCES") {
    return problem(
      "ssh",
      `"${program}" cannot be started: ${errno === "ENOENT" ? "it is not on this machine" : "permission denied"}`,
      "install OpenSSH's client; name another program by --ssh-cmd; or use --transport ssh2, which needs none",
    );
  }
  const version = /^\S*SSH_\S+.*$/m.exec(text)?.[0];
  if (version !== undefined) return okay("ssh", version);
  return warning(
    "ssh",
    `"${program}" does not say its version as OpenSSH does`,
    "sshuttle needs a program that takes OpenSSH's options",
  );
}

async function askVersion([program = "ssh", ...args]: readonly string[]): Promise<VersionAnswer> {
  return new Promise((resolve) => {
    execFile(program, [...args, "-V"], { timeout: TIMEOUT_MS, encoding: "utf8" }, (error, stdout, stderr) => {
      resolve({
        program,
        text: `${stdout}\n${stderr}`,
        // Its code is the exit status where there was one.
        errno: typeof error?.code === "string" ? error.code : undefined,
      });
    }).stdin?.end();
  });
}

function ssh2Version(): string {
  const path = createRequire(import.meta.url).resolve("ssh2/package.json");
  const { version }: { version?: unknown } = JSON.parse(readFileSync(path, "utf8"));
  return `the ssh2 package, ${String(version)}; no program is needed`;
}
