/** The options by which every command that goes to a host says where it is and how it is reached. */
import { localTransport } from "../bootstrap/local.ts";
import { opensshTransport } from "../bootstrap/openssh.ts";
import type { Transport } from "../bootstrap/transport.ts";
import { UsageError } from "./errors.ts";
import { parseRemote } from "./remote.ts";
import type { Remote } from "./remote.ts";
import { splitCommand } from "./shell-words.ts";

export interface ConnectionOptions {
  /** Absent: the far side is this machine. */
  readonly remote?: Remote;
  readonly sshCommand: readonly string[];
  /** Shell words that start a runtime there, instead of searching one. */
  readonly runtime?: string;
}

/** For readArguments(); a command adds its own. */
export const CONNECTION_SPECIFICATION = {
  remote: { type: "string", short: "r" },
  "ssh-cmd": { type: "string", short: "e" },
  runtime: { type: "string" },
} as const;

interface ConnectionValues {
  readonly remote?: string | undefined;
  readonly "ssh-cmd"?: string | undefined;
  readonly runtime?: string | undefined;
}

/** @throws UsageError naming the option and what is wrong with it. */
export function parseConnection(values: ConnectionValues): ConnectionOptions {
  const { remote, runtime } = values;
  if (runtime !== undefined && (runtime.trim() === "" || /[\n\0]/.test(runtime))) {
    throw new UsageError(
      `Cannot use ${JSON.stringify(runtime)} as the runtime: it is ${runtime.trim() === "" ? "empty" : "not one line"}`,
      "example: --runtime /opt/node/bin/node",
    );
  }
  return {
    ...(remote === undefined || remote === "-" || remote === "" ? {} : { remote: parseRemote(remote) }),
    sshCommand: parseSshCommand(values["ssh-cmd"]),
    ...(runtime === undefined ? {} : { runtime }),
  };
}

export function transportFor({ remote, sshCommand }: ConnectionOptions): Transport {
  return remote === undefined ? localTransport() : opensshTransport({ ...remote, sshCommand });
}

function parseSshCommand(text: string | undefined): readonly string[] {
  const words = text === undefined ? ["ssh"] : splitCommand(text);
  if (words.length === 0) throw new UsageError(`Cannot use ssh command "${text ?? ""}": it is empty`);
  return words;
}
