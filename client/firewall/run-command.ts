/** Runs a firewall tool as root: no shell, a fixed PATH, its text on stdin. */
import { spawn } from "node:child_process";
import type { Writable } from "node:stream";

/** Where distributions keep iptables; the caller's PATH is the caller's, and not to be trusted as root. */
export const TOOL_ENVIRONMENT: NodeJS.ProcessEnv = {
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:/run/current-system/sw/bin",
  LC_ALL: "C",
};

export interface CommandResult {
  /** Absent if the program does not exist or was ended by a signal. */
  readonly status: number | undefined;
  readonly stdout: string;
  /** The first line that says something, or why it could not be started. */
  readonly complaint: string;
}

/** Runs to the end. `guard` is a pipe that the command shall hold open while it runs. */
export function runCommand(
  command: string,
  args: readonly string[],
  { stdin = "", guard }: { readonly stdin?: string; readonly guard?: Writable | undefined } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: "/",
      env: TOOL_ENVIRONMENT,
      stdio: guard === undefined ? ["pipe", "pipe", "pipe"] : ["pipe", "pipe", "pipe", guard],
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.setEncoding("utf8").on("data", (text: string) => (output[name] += text));
    }
    child.on("error", (error) => resolve({ status: undefined, stdout: "", complaint: error.message }));
    child.on("close", (code) =>
      resolve({ status: code ?? undefined, stdout: output.stdout, complaint: firstLine(output.stderr) }),
    );
    // A command that ends without reading makes its stdin fail; its status says what there is to say.
    child.stdin?.on("error", () => undefined).end(stdin);
  });
}

function firstLine(text: string): string {
  return text.split("\n").find((line) => line.trim() !== "") ?? "";
}
