/**
 * The tunnel's command line: argv in, a checked record out. Nothing is resolved, read or started here.
 *
 * Spellings follow sshuttle's, so that what stands in a shell history goes on working: long options may be
 * cut short while they stay unique, -v may be given up to three times, -x any number of times.
 */
import { readArguments } from "./arguments.ts";
import { CONNECTION_SPECIFICATION, parseConnection } from "./connection.ts";
import type { ConnectionOptions } from "./connection.ts";
import { UsageError } from "./errors.ts";
import { LATENCY_SPECIFICATION, parseLatency } from "./latency.ts";
import { parseListen } from "./listen-address.ts";
import type { ListenAddress } from "./listen-address.ts";
import { parseSubnet } from "./subnet.ts";
import type { NamedSubnet, Subnet } from "./subnet.ts";

export const METHODS = ["auto", "nft", "nat", "socks"] as const;
export type Method = (typeof METHODS)[number];

export interface TunnelOptions extends ConnectionOptions {
  readonly includes: readonly (Subnet | NamedSubnet)[];
  readonly excludes: readonly (Subnet | NamedSubnet)[];
  /** Where captured connections arrive; absent: loopback, ports chosen by the system. */
  readonly listen?: readonly ListenAddress[];
  readonly method: Method;
  /** Where SOCKS and HTTP CONNECT are spoken; empty: nowhere. */
  readonly socks: readonly ListenAddress[];
  readonly disableIpv6: boolean;
  /** False: sshd's own forwarding does the work, and nothing of ours runs there. */
  readonly agent: boolean;
  /** Bytes in flight at most, a fixed number for either side; absent: link control decides. */
  readonly flightBytes?: number;
  /** File for the statistics. */
  readonly statsJson?: string;
  /** 0 to 3. */
  readonly verbosity: number;
}

const SPECIFICATION = {
  ...CONNECTION_SPECIFICATION,
  ...LATENCY_SPECIFICATION,
  exclude: { type: "string", short: "x", multiple: true },
  listen: { type: "string", short: "l" },
  method: { type: "string" },
  socks: { type: "string" },
  "disable-ipv6": { type: "boolean" },
  "no-agent": { type: "boolean" },
  "stats-json": { type: "string" },
  verbose: { type: "boolean", short: "v", multiple: true },
  version: { type: "boolean", short: "V" },
  help: { type: "boolean", short: "h" },
} as const;

const DEFAULT_SOCKS_PORT = "1080";
const MAX_VERBOSITY = 3;

/**
 * Parses the arguments after `sshuttle`.
 * @throws UsageError for an unknown option (naming the nearest), a missing or bad value, a contradiction.
 */
export function parseTunnelOptions(argv: readonly string[]): TunnelOptions | "help" | "version" {
  const { values, positionals } = readArguments(argv, SPECIFICATION);
  if (values.help === true) return "help";
  if (values.version === true) return "version";
  const includes = positionals.map(parseSubnet);
  const method = parseMethod(values.method);
  const socks = parseSocks(values.socks, method);
  checkIntake(includes, method, socks);
  const statsJson = values["stats-json"];
  if (statsJson === "") throw new UsageError("Cannot use --stats-json: the name of the file is empty");
  const connection = parseConnection(values);
  const flightBytes = parseLatency(values);
  if (values["no-agent"] === true) checkForwarding(connection, values["latency-buffer-size"]);
  return {
    ...connection,
    includes,
    excludes: (values.exclude ?? []).map(parseSubnet),
    ...(values.listen === undefined ? {} : { listen: parseListen("--listen", values.listen, "any") }),
    method: includes.length === 0 ? "socks" : method,
    socks,
    disableIpv6: values["disable-ipv6"] ?? false,
    agent: values["no-agent"] !== true,
    ...(flightBytes === undefined ? {} : { flightBytes }),
    ...(statsJson === undefined ? {} : { statsJson }),
    verbosity: Math.min(MAX_VERBOSITY, values.verbose?.length ?? 0),
  };
}

function parseMethod(text: string | undefined): Method {
  if (text === undefined) return "auto";
  const method = METHODS.find((candidate) => candidate === text);
  if (method === undefined) {
    throw new UsageError(
      `Cannot use method "${text}": there is no such method, allowed are ${METHODS.join(", ")}`,
    );
  }
  return method;
}

function parseSocks(text: string | undefined, method: Method): readonly ListenAddress[] {
  if (text !== undefined) return parseListen("--socks", text, "loopback");
  return method === "socks" ? parseListen("--socks", DEFAULT_SOCKS_PORT, "loopback") : [];
}

function checkIntake(includes: readonly unknown[], method: Method, socks: readonly ListenAddress[]): void {
  if (method === "socks" && includes.length > 0) {
    throw new UsageError(
      "Cannot capture subnets with method socks: a SOCKS client says itself what goes through the tunnel",
      "leave the subnets out, or the method",
    );
  }
  if (includes.length === 0 && socks.length === 0) {
    throw new UsageError(
      "Cannot start a tunnel: no subnet to capture and no --socks port",
      "example: sshuttle -r user@host 10.0.0.0/8   (0/0 captures everything)",
    );
  }
}

function checkForwarding(
  { remote, transport, runtime }: ConnectionOptions,
  latencyBuffer: string | undefined,
): void {
  if (remote === undefined) {
    throw new UsageError(
      "Cannot do without an agent and without -r: there is no sshd that would forward",
      "name a remote",
    );
  }
  if (transport === "ssh2") {
    throw new UsageError(
      "Cannot use --transport ssh2 with --no-agent: the forwarding is the ssh program's",
      "leave one of them out",
    );
  }
  if (runtime !== undefined) {
    throw new UsageError(
      "Cannot use --runtime with --no-agent: nothing is run there",
      "leave one of them out",
    );
  }
  if (latencyBuffer !== undefined) {
    throw new UsageError(
      "Cannot use --latency-buffer-size with --no-agent: what is in flight is ssh's own affair there",
      "leave one of them out",
    );
  }
}
