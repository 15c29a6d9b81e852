/** What an agent that runs tells of the way in. */
import type { Endpoint } from "../firewall/plan.ts";
import { formatEndpoint } from "../intake/listener.ts";
import { formatMs, inOneLine, okay, warning } from "./step.ts";
import type { Step } from "./step.ts";

/** Seen of a launch that got ready. */
export interface RunningAgent {
  /** What ssh is connected to; empty if the kernel does not show it. */
  readonly peers: readonly Endpoint[];
  /** What login scripts printed on stdout before. */
  readonly noise: Uint8Array;
  /** Name, version, system and processor. */
  readonly farSide: string;
  /** From the start of ssh, prompts included. */
  readonly readyMs: number;
}

/** Of a line that nobody asked for, enough to find the command that prints it. */
const MAX_LINE_CHARS = 80;

/** The steps from connection to agent. */
export function judgeAgent({ peers, noise, farSide, readyMs }: RunningAgent): readonly Step[] {
  return [
    okay(
      "connection",
      peers.length === 0 ? "the server's sshd answers" : `to ${peers.map(formatEndpoint).join(", ")}`,
    ),
    okay("host-key", "the server's key is a trusted one"),
    okay("authentication", "the server accepts the login"),
    okay("login-shell", "commands run there: no forced command, no restriction to sftp"),
    judgeNoise(noise),
    okay("runtime", farSide),
    okay(
      "agent",
      `ready ${formatMs(readyMs)} after ssh was started; it connects by itself, whatever AllowTcpForwarding says`,
    ),
  ];
}

export function judgeNoise(noise: Uint8Array): Step {
  if (noise.length === 0) return okay("noise", "the login's rc files print nothing");
  const text = new TextDecoder().decode(noise);
  const line = inOneLine(text.split(/[\r\n]+/).find((candidate) => candidate.trim() !== "") ?? "");
  const cut = line.length <= MAX_LINE_CHARS ? line : `${line.slice(0, MAX_LINE_CHARS)}…`;
  return warning(
    "noise",
    `the login's rc files print ${noise.length} ${noise.length === 1 ? "byte" : "bytes"} on stdout, which were skipped; the first line: "${cut}"`,
    "make the login's rc files silent unless the shell is interactive: scp, rsync and git stumble over it as well",
  );
}
