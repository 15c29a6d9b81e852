/** A host that is reached through however many others, each one authenticated and checked by itself. */
import type { Duplex } from "node:stream";
import type { Client } from "ssh2";
import { BootstrapError } from "../errors.ts";
import { printable } from "../../bundler/printable.ts";
import { CommandPipe } from "./command-pipe.ts";
import type { HostSettings } from "./host-settings.ts";
import { logIn } from "./login.ts";
import type { LoginContext } from "./login.ts";
import type { HostRequest, SshConfiguration } from "./read-config.ts";
import type { Jump } from "./route.ts";
import { unreachable } from "./route-errors.ts";
import { openSocket } from "./sockets.ts";
import type { OpenedPipe, Peer } from "./sockets.ts";

export interface ConnectRequest extends HostRequest {
  readonly configuration: SshConfiguration;
  readonly context: LoginContext;
}

export interface HostConnection {
  readonly client: Client;
  /** The pipe below it, whose buffer is not bounded by the remote's window. */
  readonly pipe: Duplex;
  readonly settings: HostSettings;
  /** Far ends of this process's own sockets. */
  readonly peers: readonly Peer[];
  /** The ProxyCommand, if there is one. */
  readonly pid: number | undefined;
  /** Ends it and all that it goes through, without a word to the far side. */
  destroy(): void;
}

/** A host that is its own jump host would go on for ever. */
const MAX_JUMPS = 16;

/** Connects and logs in. Whatever it throws, nothing is left open. @throws BootstrapError. */
export async function connectHost(request: ConnectRequest): Promise<HostConnection> {
  return await connectBy(request, undefined, 0);
}

/** `jumps` is what a ProxyJump of the host behind this one says of the way to it. */
async function connectBy(
  request: ConnectRequest,
  jumps: readonly Jump[] | undefined,
  depth: number,
): Promise<HostConnection> {
  const { configuration, context, host } = request;
  const settings = configuration.settingsFor(request);
  for (const warning of settings.warnings) context.say(`${host}: ${warning}`);
  const where = `ssh ${printable(settings.user)}@${printable(host)}`;
  if (depth > MAX_JUMPS)
    throw unreachable(where, `more than ${MAX_JUMPS} jump hosts`, "see ProxyJump in the ssh configuration");
  const below = await openPipe(request, settings, jumps, where, depth);
  try {
    const client = await logIn(settings, below.stream, where, context);
    // A jump host has nothing else to carry.
    client.once("close", () => below.jump?.client.end());
    return {
      client,
      settings,
      pipe: below.stream,
      peers: [...(below.peer === undefined ? [] : [below.peer]), ...(below.jump?.peers ?? [])],
      pid: below.pid ?? below.jump?.pid,
      destroy: () => {
        below.stream.destroy();
        below.jump?.destroy();
      },
    };
  } catch (error) {
    below.jump?.destroy();
    throw error;
  }
}

interface PipeBelow extends OpenedPipe {
  readonly jump?: HostConnection;
}

async function openPipe(
  request: ConnectRequest,
  settings: HostSettings,
  jumps: readonly Jump[] | undefined,
  where: string,
  depth: number,
): Promise<PipeBelow> {
  const { context } = request;
  const route =
    jumps === undefined || jumps.length === 0 ? settings.route : ({ kind: "jump", jumps } as const);
  switch (route.kind) {
    case "direct":
      return await openSocket(settings, where, context.signal);
    case "command": {
      const stream = new CommandPipe(route.command, (line) => context.say(printable(line)));
      return { stream, peer: undefined, pid: stream.pid };
    }
    case "jump": {
      const [next] = route.jumps.slice(-1);
      if (next === undefined) return await openSocket(settings, where, context.signal);
      const jump = await connectBy({ ...request, ...next }, route.jumps.slice(0, -1), depth + 1);
      try {
        const stream = await forward(jump, settings, where, context.signal);
        return { stream, peer: undefined, pid: undefined, jump };
      } catch (error) {
        jump.destroy();
        throw error;
      }
    }
  }
}

/** A pipe from the jump host to the next one. */
async function forward(
  jump: HostConnection,
  settings: HostSettings,
  where: string,
  signal: AbortSignal,
): Promise<Duplex> {
  const { hostname, port } = settings;
  return await new Promise((resolve, reject) => {
    const lost = (): void =>
      reject(unreachable(where, `${jump.settings.host} closed the connection`, FORWARD_HINT));
    jump.client.once("close", lost);
    signal.addEventListener("abort", lost, { once: true });
    // The origin is told to the server, which may log it; ssh says the same.
    jump.client.forwardOut("127.0.0.1", 65_535, hostname, port, (error, channel) => {
      jump.client.off("close", lost);
      signal.removeEventListener("abort", lost);
      if (error === undefined) resolve(channel);
      else
        reject(
          unreachable(
            where,
            `through ${jump.settings.host}: ${printable(error.message)}`,
            FORWARD_HINT,
            error,
          ),
        );
    });
  });
}

const FORWARD_HINT =
  "check that the jump host reaches that address and port, and that it may forward (AllowTcpForwarding)";

/** An error of any kind as one of ours; of our own making it is none of the user's. */
export function asBootstrapError(where: string, error: unknown): BootstrapError {
  if (error instanceof BootstrapError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new BootstrapError("ssh-failed", `Cannot connect by ${where}: ${printable(reason)}`, {
    cause: error,
  });
}
