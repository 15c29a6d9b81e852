/**
 * The privileged half: a process of its own that does nothing but hold rules for one client.
 *
 * It takes requests from a socket in a directory that only its user can enter, never from a terminal, and
 * looks at nothing else for when to stop: Ctrl-C reaches it too, at a moment when the client may still be in
 * the middle of something, so signals are ignored and the end of the socket is what counts.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { EXIT } from "../../bundler/error.ts";
import type { Backend } from "./backend.ts";
import { FirewallError } from "./errors.ts";
import { currentInstance, formatInstanceName } from "./instance-name.ts";
import { chooseMethod } from "./method.ts";
import { reap } from "./reap.ts";
import { CHANNEL_VERSION, encodeReply, errorReply } from "./reply.ts";
import type { Reply } from "./reply.ts";
import { RequestReader } from "./request.ts";
import type { Request } from "./request.ts";

/** SIGTSTP: who stops the client with Ctrl-Z must find it able to undo its rules when it goes on. */
const IGNORED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE", "SIGQUIT", "SIGTSTP"] as const;
const REAP = "reap";

/**
 * Runs the helper. Arguments: `SOCKET NONCE` for a client that waits there, or `reap INSTANCE` to remove what
 * a dead helper left. Resolves with the exit status.
 */
export async function runFirewallHelper(argv: readonly string[]): Promise<number> {
  const [first = "", second = ""] = argv;
  if (first === REAP) {
    const { problems } = await reap(second);
    return problems.length === 0 ? 0 : EXIT.io;
  }
  for (const signal of IGNORED_SIGNALS) process.on(signal, () => undefined);
  const socket = connect({ path: first, allowHalfOpen: true });
  await once(socket, "connect");
  // Whatever goes wrong with the socket ends the loop that reads it.
  socket.on("error", () => undefined);
  reply(socket, { kind: "hello", version: CHANNEL_VERSION, nonce: second });
  const status = await serve(socket);
  socket.destroySoon();
  return status;
}

async function serve(socket: Socket): Promise<number> {
  const session = new Session(socket);
  let outcome: Reply = { kind: "stopped" };
  try {
    if (process.geteuid?.() !== 0) {
      throw new FirewallError("firewall-no-permission", "Cannot change the firewall: the helper is not root");
    }
    const reader = new RequestReader();
    for await (const bytes of socket.iterator({ destroyOnReturn: false })) {
      if (!(bytes instanceof Uint8Array)) continue;
      for (const request of reader.receive(bytes)) await session.handle(request);
    }
  } catch (error) {
    // A client that is killed may reset the socket: an end like any other.
    if (!isConnectionError(error)) outcome = errorReply(error);
  }
  try {
    await session.end();
  } catch (cause) {
    outcome = errorReply(
      new FirewallError("firewall-left-something", cause instanceof Error ? cause.message : String(cause), {
        hint: "sudo sshuttle cleanup tries again",
        cause,
      }),
    );
  }
  reply(socket, outcome);
  return outcome.kind === "error" ? outcome.error.exitCode : 0;
}

/** What a client has asked for so far. */
class Session {
  private readonly socket: Socket;
  private backend: Backend | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  async handle(request: Request): Promise<void> {
    switch (request.kind) {
      case "probe":
        return await this.probe(request.method);
      case "start":
        await this.backend?.apply(request.plan);
        return reply(this.socket, { kind: "started" });
      case "update":
        await this.backend?.update(request.ownConnections);
        return reply(this.socket, { kind: "updated" });
      case "cleanup":
        return await this.cleanUp();
    }
  }

  /** Undoes everything. */
  async end(): Promise<void> {
    await this.backend?.undo();
  }

  private async probe(method: Parameters<typeof chooseMethod>[0]): Promise<void> {
    const { removed, problems } = await reap();
    const instance = formatInstanceName(currentInstance());
    const { backend, reason } = await chooseMethod(method, instance, reapCommand(instance));
    this.backend = backend;
    const warnings = [
      ...removed.map((line) => `removed what an earlier instance left: ${line}`),
      ...problems.map((problem) => problem.message),
      ...backend.warnings,
    ];
    for (const text of warnings) reply(this.socket, { kind: "warning", text });
    reply(this.socket, { kind: "ready", method: backend.method, families: backend.families, reason });
  }

  private async cleanUp(): Promise<void> {
    const { removed, kept, problems } = await reap();
    for (const text of removed) reply(this.socket, { kind: "removed", text });
    for (const text of kept) reply(this.socket, { kind: "kept", text });
    const [problem] = problems;
    if (problem !== undefined) throw new FirewallError("firewall-left-something", problem.message);
    reply(this.socket, { kind: "cleaned" });
  }
}

/** This same program, asked to remove an instance. */
function reapCommand(instance: string): string[] {
  return [process.execPath, ...process.argv.slice(1, 3), REAP, instance];
}

function reply(socket: Socket, message: Reply): void {
  if (socket.writable) socket.write(encodeReply(message));
}

function isConnectionError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
