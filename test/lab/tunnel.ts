/** Our own client on a host of the lab, and the question which way a connection goes. */
import assert from "node:assert/strict";
import type { LabHost, StartOptions } from "./host.ts";
import { PROJECT_IN_LAB } from "./keeper.ts";
import type { Lab } from "./lab.ts";
import { eventually } from "./lab-process.ts";
import type { LabProcess } from "./lab-process.ts";
import { wayOf } from "./layout.ts";
import type { ProcessEntry } from "./process-table.ts";
import { WHOAMI_PORTS } from "./services.ts";
import type { WhoAmI } from "./services.ts";
import type { SshAlias } from "./sshd.ts";

export const CAPTURE_METHODS = ["nft", "nat"] as const;
export type CaptureMethod = (typeof CAPTURE_METHODS)[number];

export interface TunnelSettings extends StartOptions {
  /** Subnets and options, as a user would type them. */
  readonly args: readonly string[];
  readonly remote?: SshAlias;
  /** On a terminal of its own, which Ctrl-C can be typed into. */
  readonly terminal?: boolean;
}

/** The command line of a client that reaches `remote` with the lab's ssh configuration. */
export function tunnelCommand(lab: Lab, { args, remote = "server" }: TunnelSettings): [string, ...string[]] {
  const main = `${PROJECT_IN_LAB}/dist/client/main.js`;
  return ["node", main, "-r", remote, "-e", `ssh -F ${lab.sshConfig}`, "-v", ...args];
}

/** Starts a client on the client host and waits until it says that it is at work. */
export async function startTunnel(lab: Lab, settings: TunnelSettings): Promise<LabProcess> {
  const command = tunnelCommand(lab, settings);
  const words = command.map((word) => `'${word}'`).join(" ");
  const argv: [string, ...string[]] =
    settings.terminal === true ? ["script", "--quiet", "--return", "--command", words, "/dev/null"] : command;
  const tunnel = lab.client.start(argv, settings);
  const captures = settings.args.includes("--method");
  await tunnel.output(captures ? /^sshuttle: capturing /m : /^sshuttle: connected to /m);
  return tunnel;
}

/** Ends a client as `kill` does, and sees it go in good order. */
export async function stopTunnel(tunnel: LabProcess): Promise<void> {
  tunnel.kill("SIGTERM");
  const { code } = await tunnel.end();
  assert.equal(code, 143, tunnel.said);
}

/** Runs `use` with a client at work. It is gone afterwards in any case, so that one failure is not the next one's. */
export async function withTunnel(
  lab: Lab,
  settings: TunnelSettings,
  use: (tunnel: LabProcess) => Promise<void>,
): Promise<void> {
  const before = new Set(lab.client.processes().map(({ pid }) => pid));
  try {
    const tunnel = await startTunnel(lab, settings);
    await use(tunnel);
    await stopTunnel(tunnel);
  } catch (error) {
    await endAllBut(lab.client, before);
    throw error;
  }
}

/** Ends what has come up on a host since `before`, as far as it is to be seen; what it leaves is left. */
export async function endAllBut(host: LabHost, before: ReadonlySet<number>): Promise<void> {
  const others = (): ProcessEntry[] => host.processes().filter(({ pid }) => !before.has(pid));
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    for (const { pid } of others()) process.kill(pid, signal);
    const gone = eventually("they are gone", () => (others().length === 0 ? true : undefined), 3000);
    if (await gone.catch(() => false)) return;
  }
}

/**
 * How a connection from `host` comes to the target, a Way, or the errno of its failure.
 * @throws AssertionError if it came to another address or port than was asked for.
 */
export async function wayTo(
  host: LabHost,
  address: string,
  port: number = WHOAMI_PORTS[0] ?? 0,
): Promise<string> {
  const { error, head } = await host.exchange({ address, port });
  if (error !== undefined) return error;
  const seen = JSON.parse(head) as WhoAmI;
  assert.deepEqual([seen.local, seen.localPort], [address, port], "where the connection came out");
  return wayOf(seen.peer);
}
