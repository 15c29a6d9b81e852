/** What must never be captured because the link itself runs over it. */
import { lookup } from "node:dns/promises";
import type { Endpoint } from "./firewall/plan.ts";
import { formatEndpoint } from "./intake/listener.ts";
import type { Log } from "./log.ts";
import type { TunnelOptions } from "./options.ts";
import { findOwnConnections } from "./own-connections.ts";
import { askSshConfiguration } from "./ssh-configuration.ts";
import type { SshQuestion } from "./ssh-configuration.ts";

/** The tunnel is at work already, and its capture waits for this. */
const HINT_LIMIT_MS = 5000;

/** What carries the link on this machine. */
export interface LinkCarrier {
  /** A process of its own, where there is one. */
  readonly pid: number | undefined;
  /** Far ends of connections that this process holds itself. */
  readonly peers: readonly Endpoint[];
}

/**
 * The peers of the link, by evidence: of our own sockets, and of ssh and its helpers as the kernel shows them;
 * where there are none, what the configuration says.
 *
 * Established connections are left alone by rule anyway, so an empty answer costs nothing today; it would
 * cost the next connection of a jump host's ssh.
 */
export async function findOwnPeers(
  { remote, sshCommand, agent }: Pick<TunnelOptions, "remote" | "sshCommand" | "agent">,
  { pid, peers: held }: LinkCarrier,
  log: Log,
): Promise<readonly Endpoint[]> {
  if (remote === undefined || (pid === undefined && held.length === 0)) return [];
  const found = [...held, ...(pid === undefined ? [] : findOwnConnections(pid))];
  const peers = found.length > 0 ? found : await hintedPeers({ sshCommand, remote, runsCommand: agent });
  const source = found.length > 0 ? "connected to" : "configured for";
  if (peers.length === 0)
    log(0, "cannot tell what ssh is connected to; its present connection is safe all the same");
  else log(1, `never captured, since ssh is ${source} it: ${peers.map(formatEndpoint).join(", ")}`);
  return peers;
}

/** What the configuration says, where no evidence is to be had. */
async function hintedPeers(question: SshQuestion): Promise<readonly Endpoint[]> {
  const hint = await askSshConfiguration(question, HINT_LIMIT_MS);
  if (hint === undefined || hint.proxyjump !== undefined) return [];
  const addresses = await lookup(hint.hostname, { all: true }).catch(() => []);
  return addresses.map(({ address, family }) => ({ family: family === 6 ? 6 : 4, address, port: hint.port }));
}
