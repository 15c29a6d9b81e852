/**
 * ssh without an ssh binary, by the ssh2 package: the parts of OpenSSH's configuration, keys, agent, prompts,
 * known_hosts and jump hosts that a byte pipe needs (docs/ssh2.md).
 *
 * A failure on the way in is the rejection of `exit`, a BootstrapError with the code that OpenSSH's own failure
 * has. Once the command runs, a lost connection is exit status 255 and a line on stderr, as from ssh.
 */
import { PassThrough } from "node:stream";
import type { Client, ClientChannel } from "ssh2";
import { BootstrapError } from "./errors.ts";
import { printable } from "../bundler/printable.ts";
import { ChannelInput } from "./ssh2/channel-input.ts";
import { asBootstrapError, connectHost } from "./ssh2/connection.ts";
import type { HostConnection } from "./ssh2/connection.ts";
import { createPrompter } from "./ssh2/prompter.ts";
import { SshConfiguration } from "./ssh2/read-config.ts";
import type { Transport, TransportExit, TransportProcess } from "./transport.ts";

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
    spawn: (command) => {
      const destination = { host, user, port: options.port };
      return new RemoteCommand(options.configFile, destination, description, command).process;
    },
  };
}

interface Destination {
  readonly host: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
}

class RemoteCommand {
  readonly process: TransportProcess;
  private readonly stdin = new ChannelInput();
  private readonly stdout = new PassThrough();
  private readonly stderr = new PassThrough();
  private readonly stop = new AbortController();
  private connection: HostConnection | undefined;
  private channel: ClientChannel | undefined;
  private status: TransportExit | undefined;
  private stderrEnded: Promise<void> | undefined;
  private killedBy: NodeJS.Signals | undefined;
  private forced: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(
    configFile: string | undefined,
    destination: Destination,
    description: string,
    command: string,
  ) {
    const outputClosed = Promise.all([this.stdout, this.stderr].map(closingOf));
    const ended = this.run(configFile, destination, command).catch((error: unknown) => {
      if (this.killedBy !== undefined) return { code: null, signal: this.killedBy };
      throw asBootstrapError(description, error);
    });
    const exit = ended
      .finally(() => this.endStreams())
      .then((outcome) => outputClosed.then(() => outcome))
      .finally(() => {
        this.isOver = true;
        clearTimeout(this.forced);
      });
    // Whoever does not ask how it ended need not hear that it failed.
    exit.catch(() => undefined);
    const connection = (): HostConnection | undefined => this.connection;
    this.process = {
      stdin: this.stdin,
      stdout: this.stdout,
      stderr: this.stderr,
      exit,
      /** A ProxyCommand's. */
      get pid(): number | undefined {
        return connection()?.pid;
      },
      peers: () => connection()?.peers ?? [],
      kill: (signal) => this.kill(signal),
    };
  }

  private kill(signal: NodeJS.Signals): void {
    if (this.isOver) return;
    this.killedBy ??= signal;
    this.stop.abort();
    const { connection } = this;
    if (connection === undefined) return;
    if (this.forced === undefined) {
      // The far side hears of it where its sshd passes signals on, and of the end of its input in any case.
      this.channel?.signal(signal.replace(/^SIG/, ""));
      connection.client.end();
    }
    clearTimeout(this.forced);
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
    const { client } = connection;
    const where = connection.settings.host;
    let lost: string | undefined;
    client.on("error", (error) => (lost ??= printable(error.message)));
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    await openChannel(client, command, where, (channel) => this.attach(channel, connection));
    await Promise.all([closed, this.stderrEnded]);
    if (this.status !== undefined) return this.status;
    if (this.killedBy !== undefined) return { code: null, signal: this.killedBy };
    this.say(`Connection to ${where} closed${lost === undefined ? " by the far side" : `: ${lost}`}`);
    return { code: SSH_STATUS, signal: null };
  }

  /** At once: output, status and end may be in the same packet as the news that the command runs. */
  private attach(channel: ClientChannel, { client, pipe }: HostConnection): void {
    this.channel = channel;
    this.stdin.attach(channel, pipe);
    channel.pipe(this.stdout);
    // Left open for our own last words.
    channel.stderr.pipe(this.stderr, { end: false });
    this.stderrEnded = new Promise((resolve) => channel.stderr.once("end", () => resolve()));
    // Whoever has closed it shall not hold up the rest.
    this.stderr.once("close", () => channel.stderr.resume());
    channel.on("error", () => undefined);
    channel.once("exit", (code: number | null, signal?: string) => {
      this.status = { code, signal: signal ?? null };
    });
    channel.once("close", () => client.end());
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

/** @throws BootstrapError "shell-refused" if the server runs no commands for this login, or is gone. */
async function openChannel(
  client: Client,
  command: string,
  where: string,
  opened: (channel: ClientChannel) => void,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error === undefined) {
        opened(channel);
        resolve();
        return;
      }
      client.end();
      const message = `Cannot run a command by ssh ${where}: ${printable(error.message)}`;
      reject(new BootstrapError("shell-refused", message, { cause: error }));
    });
  });
}

function closingOf(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => stream.once("close", () => resolve()));
}
