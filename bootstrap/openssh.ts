/**
 * The user's own OpenSSH, with all of its configuration: keys, jump hosts, shared connections, prompts.
 *
 * Whatever stands on ssh's command line wins over the configuration, so only that is set which the byte pipe
 * needs. ServerAliveInterval is not: there is no way to give a mere default, and the tunnel's link finds a dead
 * peer by pings of its own.
 */
import { createWriteStream } from "node:fs";
import { spawnChild } from "./child-transport.ts";
import { BootstrapError } from "./errors.ts";
import { openPseudoTerminal } from "./pseudo-terminal.ts";
import type { TerminalProcess, TerminalSize, Transport } from "./transport.ts";

export interface OpensshOptions {
  /** "[user@]host" or a Host of the configuration. */
  readonly destination: string;
  /** Without it: what the configuration says. */
  readonly port?: number;
  /** Program and first arguments, such as ["ssh", "-F", "file"]. Default: ["ssh"]. */
  readonly sshCommand?: readonly string[];
}

const OURS = [
  // No forwarding of the configuration: its port may be taken by the session that the user has open.
  "-oClearAllForwardings=yes",
  // With a RemoteCommand in the configuration ssh refuses a command on its command line.
  "-oRemoteCommand=none",
];

/** The option comes last and is heard whatever stands before it; of two -o for one keyword, ssh takes the first. */
const NO_TERMINAL = [
  // A terminal would echo, and change line ends. The keyword speaks to programs that wrap ssh, too.
  "-oRequestTTY=no",
  "-T",
];

const TERMINAL = [
  "-oRequestTTY=force",
  // "~" at the start of a line would be a command to ssh, and may as well be a byte of the program that is sent.
  "-oEscapeChar=none",
  "-tt",
];

/**
 * Runs commands by `ssh destination`.
 * @throws BootstrapError if the destination is empty, or ssh would read it as an option.
 */
export function opensshTransport(options: OpensshOptions): Transport {
  const { destination, port } = options;
  if (destination === "" || destination.startsWith("-")) {
    throw new BootstrapError(
      "ssh-destination",
      `Cannot use ${JSON.stringify(destination)} as ssh's destination: it is empty, or starts with "-"`,
      { hint: "give it as user@host, or as a Host of your ssh configuration" },
    );
  }
  const [program = "ssh", ...args] = options.sshCommand ?? ["ssh"];
  const portArgs = port === undefined ? [] : ["-p", String(port)];
  const words = (terminal: readonly string[], command: string): string[] =>
    [...args, ...OURS, ...terminal, ...portArgs].concat("--", destination, command);
  return {
    description: `ssh ${destination}`,
    spawn: (command) => spawnChild(program, words(NO_TERMINAL, command)),
    spawnOnTerminal: (command, size) => spawnWithTerminal(program, words(TERMINAL, command), size),
  };
}

/**
 * ssh has the size from its stdin, and from there on looks again at each SIGWINCH; so it gets a terminal that is ours to
 * resize. It makes that one raw before anything can be written. Where there is none to be had, a pipe will do.
 */
function spawnWithTerminal(program: string, args: readonly string[], size: TerminalSize): TerminalProcess {
  const terminal = openPseudoTerminal(size);
  // A write there waits for ssh, in a thread of its own.
  const stdin = terminal && { fd: terminal.slave, writable: createWriteStream("", { fd: terminal.master }) };
  const ssh = spawnChild(program, args, { stdin });
  return {
    ...ssh,
    resize(next) {
      if (terminal === undefined || stdin?.writable.destroyed === true) return false;
      terminal.resize(next);
      ssh.kill("SIGWINCH");
      return true;
    },
  };
}
