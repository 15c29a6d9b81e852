/**
 * One run of the tunnel, from options to end: helper, listeners, ssh, rules, in this order, and back.
 *
 * The helper comes first, since its password prompt must not meet ssh's; rules come last, when the link
 * stands and ssh's own connections are known. Every step pushes its undo before the next is tried.
 */
import type { SshuttleError } from "../bundler/error.ts";
import type { Transport } from "../bootstrap/transport.ts";
import { readAgentBundle } from "./agent-bundle.ts";
import { runtimeProviderFor, transportFor } from "./connection.ts";
import { ClientError, UsageError } from "./errors.ts";
import { openForwardedTunnel } from "./forwarded-tunnel.ts";
import { startSshForwarding } from "./forwarding/ssh-forwarding.ts";
import type { Firewall } from "./firewall/firewall.ts";
import { startFirewall } from "./firewall/launch-helper.ts";
import { FIREWALL_HELPER_COMMAND } from "./firewall-command.ts";
import { formatRules } from "./firewall/rule-text.ts";
import type { Plan, Sources } from "./firewall/plan.ts";
import { listenByDescriptor } from "./descriptors/descriptor-listener.ts";
import { descriptorContext } from "./descriptors/take-over.ts";
import { formatEndpoint } from "./intake/listener.ts";
import type { Listener } from "./intake/listener.ts";
import { startSocks } from "./intake/socks.ts";
import { serveCaptured } from "./intake/transparent.ts";
import { listenAddresses } from "./listen-plan.ts";
import type { Log } from "./log.ts";
import type { TunnelOptions } from "./options.ts";
import { resolveSubnets } from "./resolve.ts";
import { findOwnPeers } from "./own-peers.ts";
import type { Statistics } from "./statistics/statistics.ts";
import { formatSubnet } from "./subnet.ts";
import type { Subnet } from "./subnet.ts";
import { openTunnel } from "./tunnel.ts";
import type { Tunnel } from "./tunnel.ts";
import type { Undo } from "./undo.ts";

export interface Session {
  /** Resolves with the reason when the session cannot go on: the link is lost, or the rules are. */
  readonly failed: Promise<SshuttleError>;
}

/**
 * Starts everything. `preferring` comes to the same options, with what ssh is to be told besides. Whatever it throws,
 * `undo` then holds the way back.
 * @throws any SshuttleError.
 */
export async function startSession(
  options: TunnelOptions,
  preferring: Promise<TunnelOptions>,
  log: Log,
  undo: Undo,
  statistics: Statistics,
): Promise<Session> {
  const sources = capturedSources(options);
  const includes = await resolveSubnets(options.includes);
  const excludes = await resolveSubnets(options.excludes);
  const firewall = includes.length === 0 ? undefined : await prepareFirewall(options, log, undo);

  let tunnel: Tunnel | undefined;
  const captured =
    firewall === undefined ? [] : listenForCaptured(options, includes, firewall, log, undo, () => tunnel);
  for (const address of options.socks) {
    const listener = await startSocks(address, () => tunnel, log);
    undo.push(() => listener.close());
    log(0, `proxy for SOCKS5, SOCKS4a and HTTP CONNECT on ${formatEndpoint(listener.endpoint)}`);
  }

  const connection = await preferring;
  const transport = withUndo(await transportFor(connection), undo);
  const opened = await openFarSide(connection, transport, log, undo);
  tunnel = opened;
  undo.push(() => opened.close());
  statistics.start(opened);
  undo.push(() => statistics.finish());
  log(0, `connected to ${transport.description} (${opened.farSide})`);

  const failures: Promise<SshuttleError>[] = [opened.lost];
  if (firewall !== undefined) {
    const plan: Plan = {
      listeners: captured.map(({ endpoint }) => endpoint),
      includes,
      excludes,
      ownConnections: await findOwnPeers(options, opened, log),
      sources,
    };
    // Again, so that rules go before the listeners they point at; a second stop is the first one's result.
    undo.push(() => firewall.stop());
    log(2, formatRules(firewall.method, plan));
    await firewall.start(plan);
    failures.push(firewall.lost);
    log(0, `capturing ${includes.map(formatSubnet).join(" ")} (${firewall.method})`);
  }
  return { failed: Promise.race(failures) };
}

async function openFarSide(
  options: TunnelOptions,
  transport: Transport,
  log: Log,
  undo: Undo,
): Promise<Tunnel> {
  if (!options.agent && options.remote !== undefined) {
    const forwarding = await startSshForwarding(options.remote, options.sshCommand, undo);
    return openForwardedTunnel(forwarding, log);
  }
  return openTunnel({
    transport,
    bundle: await readAgentBundle(),
    log,
    runtime: options.runtime,
    runtimes: runtimeProviderFor(options, log),
    verbosity: options.verbosity,
    flightBytes: options.flightBytes,
  });
}

async function prepareFirewall(options: TunnelOptions, log: Log, undo: Undo): Promise<Firewall> {
  if (options.method === "socks") throw new UsageError("Cannot capture subnets with method socks");
  const firewall = await startFirewall({ method: options.method, command: FIREWALL_HELPER_COMMAND });
  undo.push(() => firewall.stop());
  log(1, `method ${firewall.method}: ${firewall.reason}`);
  for (const warning of firewall.warnings) log(0, warning);
  return firewall;
}

function listenForCaptured(
  options: TunnelOptions,
  includes: readonly Subnet[],
  firewall: Firewall,
  log: Log,
  undo: Undo,
  tunnel: () => Tunnel | undefined,
): readonly Listener[] {
  const { addresses, warnings } = listenAddresses(options, includes, firewall.families);
  for (const warning of warnings) log(0, warning);
  const context = descriptorContext(() => tunnel()?.isFlushed() ?? true);
  const listeners: Listener[] = [];
  const failures: ClientError[] = [];
  for (const address of addresses) {
    try {
      const listener = listenByDescriptor(address, context, (socket, from) => {
        const there = tunnel();
        if (there === undefined) socket.resetAndDestroy();
        else serveCaptured(socket, from, there, log);
      });
      undo.push(() => listener.close());
      listeners.push(listener);
      log(1, `captured connections arrive on ${formatEndpoint(listener.endpoint)}`);
    } catch (error) {
      // A machine without IPv6 cannot have ::1; that is no reason to go without IPv4. What was asked for by name is.
      if (!(error instanceof ClientError) || options.listen !== undefined) throw error;
      log(0, `IPv${address.family} subnets are not captured: ${error.message}`);
      failures.push(error);
    }
  }
  if (listeners.length === 0 && failures[0] !== undefined) throw failures[0];
  return listeners;
}

/** Whatever the transport starts is ended, even when a signal comes while ssh still asks for a password. */
function withUndo(transport: Transport, undo: Undo): Transport {
  return {
    description: transport.description,
    spawn: (command) => {
      const started = transport.spawn(command);
      undo.push(async () => {
        started.kill("SIGTERM");
        await started.exit.catch(() => undefined);
      });
      return started;
    },
  };
}

/**
 * Whose connections are captured. Without a remote the agent is on this machine, and what it opens is this
 * machine's: captured, it would come back for ever.
 * @throws UsageError if that leaves nothing to capture.
 */
function capturedSources({ remote, listen: addresses = [], includes }: TunnelOptions): Sources {
  const routes = addresses.some(({ address }) => address !== "::1" && !address.startsWith("127."));
  if (remote !== undefined) return routes ? "both" : "local";
  if (!routes && includes.length > 0) {
    throw new UsageError(
      "Cannot capture this machine's connections without -r: the agent would run here, and capture its own",
      "name a remote; or serve others with --listen 0.0.0.0; or use --socks",
    );
  }
  return "forwarded";
}
