/** What the user's own ssh says of its configuration (`ssh -G`), with all of the user's options. Nothing is connected. */
import { spawn } from "node:child_process";
import { COMMAND } from "../bootstrap/stage0.ts";
import type { Remote } from "./remote.ts";

export interface SshQuestion {
  /** Program and first arguments. */
  readonly sshCommand: readonly string[];
  readonly remote: Remote;
  /** Whether a command is run there, or none (`ssh -N`): a Match of the configuration may look at that. */
  readonly runsCommand: boolean;
}

export interface SshConfiguration {
  readonly hostname: string;
  readonly port: number;
  /** Hosts to go through, as ProxyJump has them. */
  readonly proxyjump: string | undefined;
  readonly controlpath: string | undefined;
  /** Those that are offered, best first. */
  readonly ciphers: readonly string[];
}

/** Of an answer: OpenSSH's has some 5 KB. */
const MAX_CHARS = 262_144;

/**
 * What holds for a destination. Undefined if it cannot say: too old, not OpenSSH, no such host alias, or no answer
 * within `limitMs`, since a Match exec and a slow resolver may take their time.
 */
export async function askSshConfiguration(
  { sshCommand, remote, runsCommand }: SshQuestion,
  limitMs: number,
): Promise<SshConfiguration | undefined> {
  const [program = "ssh", ...args] = sshCommand;
  const { destination, port } = remote;
  const words = [
    ...args,
    "-G",
    // With one in the configuration ssh refuses another, even for this.
    "-oRemoteCommand=none",
    ...(runsCommand ? [] : ["-N"]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    "--",
    destination,
    ...(runsCommand ? [COMMAND] : []),
  ];
  return parseSshConfiguration(await outputOf(program, words, limitMs));
}

/** What the program has compiled in: what holds where no file and no option says anything. */
export async function askBuiltInConfiguration(
  program: string,
  limitMs: number,
): Promise<SshConfiguration | undefined> {
  return parseSshConfiguration(await outputOf(program, ["-F", "none", "-G", "--", "localhost"], limitMs));
}

/** Parses the output of `ssh -G`: a keyword in lower case, a blank, the value. Undefined without a hostname. */
export function parseSshConfiguration(output: string): SshConfiguration | undefined {
  const values = new Map(
    output.split("\n").map((line) => {
      const blank = line.indexOf(" ");
      return [line.slice(0, blank), line.slice(blank + 1).trim()] as const;
    }),
  );
  const value = (keyword: string): string | undefined => {
    const text = values.get(keyword);
    return text === undefined || text === "" || text === "none" ? undefined : text;
  };
  const hostname = value("hostname");
  if (hostname === undefined) return undefined;
  return {
    hostname,
    port: Number(value("port") ?? 22),
    proxyjump: value("proxyjump"),
    controlpath: value("controlpath"),
    ciphers: value("ciphers")?.split(",") ?? [],
  };
}

/** Of a run that ends well within the limit; else nothing. */
async function outputOf(program: string, args: readonly string[], limitMs: number): Promise<string> {
  const output = new Promise<string>((resolve) => {
    const child = spawn(program, args, {
      // In a session of its own it has no terminal: what a Match exec asks there, or a program that takes -G for a
      // mistake and connects, would be asked twice.
      detached: true,
      windowsHide: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    let text = "";
    const stop = (): void => endGroup(child.pid);
    const finish = (result: string): void => {
      clearTimeout(timer);
      process.off("exit", stop);
      resolve(result);
    };
    const giveUp = (): void => {
      stop();
      finish("");
    };
    const timer = setTimeout(giveUp, limitMs);
    process.once("exit", stop);
    child.on("error", () => finish("")).on("close", (code) => finish(code === 0 ? text : ""));
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.length > MAX_CHARS) giveUp();
    });
  });
  // Not even a process to be had: whoever needs one in earnest will say so.
  return output.catch(() => "");
}

/** With what it has started. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGTERM");
  } catch {
    // It has gone.
  }
}
