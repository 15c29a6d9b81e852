/** What ssh's own configuration says about a destination: a hint for where no evidence is to be had. */
import { execFile } from "node:child_process";

export interface SshDestinationHint {
  readonly hostname: string;
  readonly port: number;
  /** Hosts to go through, as ProxyJump has them. */
  readonly proxyjump: string | undefined;
  readonly controlpath: string | undefined;
}

/** Match exec and a slow resolver may take their time; the tunnel does not wait for a hint. */
const TIMEOUT_MS = 5000;

/**
 * Asks the user's own ssh command (`ssh -G`), with all of its options.
 * Undefined if it cannot say: too old, not OpenSSH, or no such host alias.
 */
export async function sshDestinationHint(
  sshCommand: readonly string[],
  destination: string,
): Promise<SshDestinationHint | undefined> {
  const [program = "ssh", ...args] = sshCommand;
  const output = await new Promise<string>((resolve) => {
    const child = execFile(
      program,
      [...args, "-G", destination],
      { timeout: TIMEOUT_MS, encoding: "utf8" },
      (error, stdout) => resolve(error === null ? stdout : ""),
    );
    // A program that does not exist is told of by the callback too.
    child.on("error", () => resolve(""));
  });
  return parseSshConfiguration(output);
}

/** Parses the output of `ssh -G`: a keyword in lower case, a blank, the value. Undefined without a hostname. */
export function parseSshConfiguration(output: string): SshDestinationHint | undefined {
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
  };
}
