/** The options by which every command that goes to a host says where it is and how it is reached. */
import { localTransport } from "../bootstrap/local.ts";
import { opensshTransport } from "../bootstrap/openssh.ts";
import type { RuntimeProvider } from "../bootstrap/runtime-provider.ts";
import { runtimesToUpload } from "../bootstrap/runtimes/to-upload.ts";
import type { Transport } from "../bootstrap/transport.ts";
import { printable } from "../bundler/printable.ts";
import { UsageError } from "./errors.ts";
import type { Log } from "./log.ts";
import { uploadProgress } from "./progress.ts";
import { parseRemote } from "./remote.ts";
import type { Remote } from "./remote.ts";
import { splitCommand } from "./shell-words.ts";

/** What speaks ssh: the user's own program, or the ssh2 package for machines without one. */
export const SSH_TRANSPORTS = ["openssh", "ssh2"] as const;
export type SshTransport = (typeof SSH_TRANSPORTS)[number];

export interface ConnectionOptions {
  /** Absent: the far side is this machine. */
  readonly remote?: Remote;
  readonly transport: SshTransport;
  /** For openssh. */
  readonly sshCommand: readonly string[];
  /** For ssh2, in place of the usual files. */
  readonly sshConfig?: string;
  /** The cipher is left to ssh and its configuration. */
  readonly noCipherPreference?: boolean;
  /** Shell words that start a runtime there, instead of searching one. */
  readonly runtime?: string;
  /** A runtime's executable on this machine, or a folder with some, to upload where there is none. */
  readonly runtimeFrom?: string;
  /** Without a runtime there it is an error. */
  readonly noUpload?: boolean;
}

/** For readArguments(); a command adds its own. */
export const CONNECTION_SPECIFICATION = {
  remote: { type: "string", short: "r" },
  "ssh-cmd": { type: "string", short: "e" },
  "jump-host": { type: "string", short: "J" },
  transport: { type: "string" },
  "ssh-config": { type: "string" },
  "no-cipher-preference": { type: "boolean" },
  runtime: { type: "string" },
  "runtime-from": { type: "string" },
  "no-upload": { type: "boolean" },
} as const;

interface ConnectionValues {
  readonly remote?: string | undefined;
  readonly "ssh-cmd"?: string | undefined;
  readonly "jump-host"?: string | undefined;
  readonly transport?: string | undefined;
  readonly "ssh-config"?: string | undefined;
  readonly "no-cipher-preference"?: boolean | undefined;
  readonly runtime?: string | undefined;
  readonly "runtime-from"?: string | undefined;
  readonly "no-upload"?: boolean | undefined;
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
  const transport = parseTransport(values.transport);
  const sshCmd = values["ssh-cmd"];
  const sshConfig = values["ssh-config"];
  if (transport === "ssh2" && sshCmd !== undefined) {
    throw new UsageError(
      "Cannot use --ssh-cmd with --transport ssh2: that one runs no ssh program",
      "put keys, jump hosts and the like into a configuration, and name it by --ssh-config",
    );
  }
  const jump = values["jump-host"];
  if (jump !== undefined && (jump === "" || jump.startsWith("-"))) {
    throw new UsageError(
      `Cannot use "${jump}" as a jump host: it is no destination`,
      "example: -J user@jump",
    );
  }
  if (transport === "ssh2" && jump !== undefined) {
    throw new UsageError(
      "Cannot use --jump-host with --transport ssh2: that one reads jump hosts from its configuration",
      "put ProxyJump into a configuration, and name it by --ssh-config",
    );
  }
  if (sshConfig === "") throw new UsageError("Cannot use --ssh-config: the name of the file is empty");
  const runtimeFrom = values["runtime-from"];
  if (runtimeFrom === "") throw new UsageError("Cannot use --runtime-from: the name of the file is empty");
  const noUpload = values["no-upload"] === true;
  if (noUpload && runtimeFrom !== undefined) {
    throw new UsageError("Cannot use --runtime-from with --no-upload: it names what to upload");
  }
  if (runtime !== undefined && runtimeFrom !== undefined) {
    throw new UsageError(
      "Cannot use --runtime-from with --runtime: that one names a runtime which is there",
      "leave one of them out",
    );
  }
  return {
    ...(remote === undefined || remote === "-" || remote === "" ? {} : { remote: parseRemote(remote) }),
    transport,
    sshCommand: [
      ...parseSshCommand(sshCmd),
      ...(sshConfig === undefined ? [] : ["-F", sshConfig]),
      ...(jump === undefined ? [] : ["-J", jump]),
    ],
    ...(sshConfig === undefined ? {} : { sshConfig }),
    ...(values["no-cipher-preference"] === true ? { noCipherPreference: true } : {}),
    ...(runtime === undefined ? {} : { runtime }),
    ...(runtimeFrom === undefined ? {} : { runtimeFrom }),
    ...(noUpload ? { noUpload } : {}),
  };
}

/** ssh2 is loaded only here: it takes longer to load than the whole of the rest. */
export async function transportFor(options: ConnectionOptions): Promise<Transport> {
  const { remote, transport, sshCommand, sshConfig } = options;
  if (remote === undefined) return localTransport();
  switch (transport) {
    case "openssh":
      return opensshTransport({ ...remote, sshCommand });
    case "ssh2": {
      const { ssh2Transport } = await import("../bootstrap/ssh2.ts");
      return ssh2Transport({ ...remote, ...(sshConfig === undefined ? {} : { configFile: sshConfig }) });
    }
  }
}

/** What launch() asks for a runtime to upload; its progress is shown on stderr. Undefined if there shall be none. */
export function runtimeProviderFor(
  { runtimeFrom, noUpload = false }: ConnectionOptions,
  log: Log,
): RuntimeProvider | undefined {
  if (noUpload) return undefined;
  return runtimesToUpload({
    from: runtimeFrom,
    onUpload: ({ name, version }, folder) =>
      log(1, `the server has no runtime: ${name} ${version} is uploaded to ${printable(folder)}`),
    onProgress: uploadProgress(process.stderr, log),
  });
}

function parseTransport(text: string | undefined): SshTransport {
  if (text === undefined) return "openssh";
  const transport = SSH_TRANSPORTS.find((candidate) => candidate === text);
  if (transport !== undefined) return transport;
  throw new UsageError(
    `Cannot use transport "${text}": there is no such transport, allowed are ${SSH_TRANSPORTS.join(", ")}`,
  );
}

function parseSshCommand(text: string | undefined): readonly string[] {
  const words = text === undefined ? ["ssh"] : splitCommand(text);
  if (words.length === 0) throw new UsageError(`Cannot use ssh command "${text ?? ""}": it is empty`);
  return words;
}
