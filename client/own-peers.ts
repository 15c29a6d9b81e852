/** What must never be captured because the link itself runs over it. */
import { lookup } from "node:dns/promises";
import type { Endpoint } from "./firewall/plan.ts";
import { formatEndpoint } from "./intake/listener.ts";
import type { Log } from "./log.ts";
import type { TunnelOptions } from "./options.ts";
import { findOwnConnections } from "./own-connections.ts";
import { sshDestinationHint } from "./ssh-hint.ts";

/**
 * The peers of ssh and its helpers, by evidence; where the kernel shows none, what the configuration says.
 *
 * Established connections are left alone by rule anyway, so an empty answer costs nothing today; it would
 * cost the next connection of a jump host's ssh.
 */
export async function findOwnPeers(
  options: Pick<TunnelOptions, "remote" | "sshCommand">,
  pid: number | undefined,
  log: Log,
): Promise<readonly Endpoint[]> {
  if (options.remote === undefined || pid === undefined) return [];
  const found = findOwnConnections(pid);
  const peers = found.length > 0 ? found : await hintedPeers(options.sshCommand, options.remote.destination);
  const source = found.length > 0 ? "connected to" : "configured for";
  if (peers.length === 0)
    log(0, "cannot tell what ssh is connected to; its present connection is safe all the same");
  else log(1, `never captured, since ssh is ${source} it: ${peers.map(formatEndpoint).join(", ")}`);
  return peers;
}

async function hintedPeers(sshCommand: readonly string[], destination: string): Promise<readonly Endpoint[]> {
  const hint = await sshDestinationHint(sshCommand, destination);
  if (hint === undefined || hint.proxyjump !== undefined) return [];
  const addresses = await lookup(hint.hostname, { all: true }).catch(() => []);
  return addresses.map(({ address, family }) => ({ family: family === 6 ? 6 : 4, address, port: hint.port }));
}
