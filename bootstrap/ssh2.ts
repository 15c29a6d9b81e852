/**
 * ssh without an ssh binary, by the ssh2 package: the parts of OpenSSH's configuration, keys, agent, prompts,
 * known_hosts and jump hosts that a byte pipe needs (docs/ssh2.md).
 *
 * A failure on the way in is the rejection of `exit`, a BootstrapError with the code that OpenSSH's own failure
 * has. Once the command runs, a lost connection is exit status 255 and a line on stderr, as from ssh.
 */
import { PassThrough } from "node:stream";
import type { ClientChannel } from "ssh2";
import { BootstrapError } from "./errors.ts";
import { printable } from "../bundler/printable.ts";
import { ChannelInput } from "./ssh2/channel-input.ts";
import { asBootstrapError, connectHost } from "./ssh2/connection.ts";
import type { HostConnection } from "./ssh2/connection.ts";
import { createPrompter } from "./ssh2/prompter.ts";
import { SshConfiguration } from "./ssh2/read-config.ts";
import type { Transport, TransportExit, TransportPeer, TransportProcess } from "./transport.ts";

export interface Ssh2Options {
  /** "[user@]host" or a Host of the configuration. */
  readonly destination: string;
  /** Without it: what the configuration says. */
  readonly port?: number;
  /** In place of ~/.ssh/config and /etc/ssh/ssh_config; "none" for no file. */
  readonly configFile?: string;
}

/** What ssh ends with when it is not the command that failed. */
const SSH_STATUS = 255;
/** How long the far side may take to close in good order after kill(). */
const CLOSE_WAIT_MS = 1000;

/**
 * Runs each command in a connection of its own.
 * @throws BootstrapError if the destination is empty.
 */
export function ssh2Transport(options: Ssh2Options): Transport {
  const at = options.destination.lastIndexOf("@");
  const host = options.destination.slice(at + 1);
  const user = at < 0 ? undefined : options.destination.slice(0, at);
  if (host === "" || host.startsWith("-") || user === "") {
    throw new BootstrapError(
      "ssh-destination",
      `Cannot use ${JSON.stringify(options.destination)} as ssh's destination: host or user is empty, or starts with "-"`,
      { hint: "give it as user@host, or as a Host of your ssh configuration" },
    );
  }
  const description = `ssh ${options.destination}`;
  return {
    description,
    spawn: (command) =>
      new RemoteCommand(options.configFile, { host, user, port: options.port }, description, command),
  };
}

interface Destination {
  readonly host: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
}

class RemoteCommand implements TransportProcess {
  readonly stdin = new ChannelInput();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exit: Promise<TransportExit>;
  private readonly stop = new AbortController();
  private connection: HostConnection | undefined;
  private channel: ClientChannel | undefined;
  private killedBy: NodeJS.Signals | undefined;
  private forced: NodeJS.Timeout | undefined;

  constructor(
    configFile: string | undefined,
    destination: Destination,
    description: string,
    command: string,
  ) {
    const outputClosed = Promise.all([this.stdout, this.stderr].map(closed));
    const ended = this.run(configFile, destination, command).catch((error: unknown) => {
      if (this.killedBy !== undefined) return { code: null, signal: this.killedBy };
      throw asBootstrapError(description, error);
    });
    const settled = ended.finally(() => this.endStreams());
    this.exit = settled
      .then((exit) => outputClosed.then(() => exit))
      .finally(() => clearTimeout(this.forced));
    // Whoever does not ask how it ended need not hear that it failed.
    this.exit.catch(() => undefined);
  }

  /** A ProxyCommand's. */
  get pid(): number | undefined {
    return this.connection?.pid;
  }

  peers(): readonly TransportPeer[] {
    return this.connection?.peers ?? [];
  }

  kill(signal: NodeJS.Signals): void {
    this.killedBy ??= signal;
    this.stop.abort();
    const { connection } = this;
    if (connection === undefined || this.forced !== undefined) return;
    // The far side hears of it where its sshd passes signals on, and of the end of its input in any case.
    this.channel?.signal(signal.replace(/^SIG/, ""));
    connection.client.end();
    this.forced = setTimeout(() => this.force(connection), signal === "SIGKILL" ? 0 : CLOSE_WAIT_MS);
  }

  /** Whoever has ended it need not have its output read. */
  private force(connection: HostConnection): void {
    connection.destroy();
    for (const stream of [this.stdout, this.stderr]) stream.destroy();
  }

  private async run(
    configFile: string | undefined,
    destination: Destination,
    command: string,
  ): Promise<TransportExit> {
    const { signal } = this.stop;
    // Out of the constructor first: whoever is called back finds the object whole.
    await Promise.resolve();
    const configuration = new SshConfiguration(configFile);
    const context = { prompter: createPrompter(signal), signal, say: (line: string) => this.say(line) };
    const connection = await connectHost({ ...destination, configuration, context });
    this.connection = connection;
    if (signal.aborted) {
      connection.destroy();
      throw new Error("stopped");
    }
    return await this.execute(connection, command);
  }

  private async execute(connection: HostConnection, command: string): Promise<TransportExit> {
    const { client, pipe } = connection;
    const where = connection.settings.host;
    let lost: string | undefined;
    client.on("error", (error) => (lost ??= printable(error.message)));
    return await new Promise((resolve, reject) => {
      const end = (): void => {
        if (this.killedBy === undefined)
          this.say(`Connection to ${where} closed${lost === undefined ? " by the far side" : `: ${lost}`}`);
        resolve(
          this.killedBy === undefined
            ? { code: SSH_STATUS, signal: null }
            : { code: null, signal: this.killedBy },
        );
      };
      client.once("close", end);
      client.exec(command, (error, channel) => {
        if (error !== undefined) {
          client.end();
          reject(
            new BootstrapError(
              "shell-refused",
              `Cannot run a command by ssh ${where}: ${printable(error.message)}`,
              { cause: error },
            ),
          );
          return;
        }
        this.channel = channel;
        this.stdin.attach(channel, pipe);
        channel.pipe(this.stdout);
        channel.stderr.pipe(this.stderr);
        channel.on("error", () => undefined);
        channel.once("exit", (code: number | null, signal?: string) => {
          client.off("close", end);
          channel.once("close", () => client.end());
          client.once("close", () => resolve({ code, signal: signal ?? null }));
        });
        // A session that ends without a status.
        channel.once("close", () => client.end());
      });
    });
  }

  private say(line: string): void {
    if (this.stderr.writable) this.stderr.write(`${line}\n`);
  }

  private endStreams(): void {
    this.stdin.destroy();
    if (this.channel === undefined) this.stdout.end();
    this.stderr.end();
  }
}

function closed(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => stream.once("close", () => resolve()));
}
