/**
 * The user's own OpenSSH, with all of its configuration: keys, jump hosts, shared connections, prompts.
 *
 * Whatever stands on ssh's command line wins over the configuration, so only that is set which the byte pipe
 * needs. ServerAliveInterval is not: there is no way to give a mere default, and the tunnel's link finds a dead
 * peer by pings of its own.
 */
import { spawnChild } from "./child-transport.ts";
import { BootstrapError } from "./errors.ts";
import type { Transport } from "./transport.ts";

export interface OpensshOptions {
  /** "[user@]host" or a Host of the configuration. */
  readonly destination: string;
  /** Without it: what the configuration says. */
  readonly port?: number;
  /** Program and first arguments, such as ["ssh", "-F", "file"]. Default: ["ssh"]. */
  readonly sshCommand?: readonly string[];
}

/** -T comes last and is heard whatever stands before it; of two -o for one keyword, ssh takes the first. */
const OURS = [
  // No forwarding of the configuration: its port may be taken by the session that the user has open.
  "-oClearAllForwardings=yes",
  // With a RemoteCommand in the configuration ssh refuses a command on its command line.
  "-oRemoteCommand=none",
  // A terminal would echo, and change line ends. The keyword speaks to programs that wrap ssh, too.
  "-oRequestTTY=no",
  "-T",
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
  return {
    description: `ssh ${destination}`,
    spawn: (command) => spawnChild(program, [...args, ...OURS, ...portArgs, "--", destination, command]),
  };
}
