/** The command line of `sshuttle doctor`. */
import { readArguments } from "../arguments.ts";
import { CONNECTION_SPECIFICATION, parseConnection } from "../connection.ts";
import type { ConnectionOptions } from "../connection.ts";
import { UsageError } from "../errors.ts";
import { parseSubnet } from "../subnet.ts";
import type { NamedSubnet, Subnet } from "../subnet.ts";
import { parseDestination } from "./destination.ts";
import type { Destination } from "./destination.ts";

export interface DoctorOptions extends ConnectionOptions {
  /** To be reached from the server. */
  readonly destinations: readonly Destination[];
  /** To be captured here. */
  readonly subnets: readonly (Subnet | NamedSubnet)[];
  readonly json: boolean;
  /** 0 to 3. */
  readonly verbosity: number;
}

const SPECIFICATION = {
  ...CONNECTION_SPECIFICATION,
  json: { type: "boolean" },
  verbose: { type: "boolean", short: "v", multiple: true },
  help: { type: "boolean", short: "h" },
} as const;

const MAX_VERBOSITY = 3;

/**
 * Parses the arguments after `sshuttle doctor`. What has a "/" is a subnet, the rest are targets.
 * @throws UsageError.
 */
export function parseDoctorOptions(argv: readonly string[]): DoctorOptions | "help" {
  const { values, positionals } = readArguments(argv, SPECIFICATION);
  if (values.help === true) return "help";
  const connection = parseConnection(values);
  const [subnets, targets] = [true, false].map((wanted) =>
    positionals.filter((text) => text.includes("/") === wanted),
  );
  const destinations = (targets ?? []).map(parseDestination);
  if (connection.remote === undefined && destinations.length > 0) {
    throw new UsageError(
      `Cannot try "${targets?.[0] ?? ""}": it is reached from a server, and none is named`,
      "example: sshuttle doctor -r user@host db.internal:5432",
    );
  }
  return {
    ...connection,
    destinations,
    subnets: (subnets ?? []).map(parseSubnet),
    json: values.json ?? false,
    verbosity: Math.min(MAX_VERBOSITY, values.verbose?.length ?? 0),
  };
}
