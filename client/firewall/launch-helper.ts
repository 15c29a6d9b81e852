/** The client's side of capture: a helper is started, told a plan, and watched. */
import { FirewallError } from "./errors.ts";
import type { Firewall, FirewallOptions, RuleMethod } from "./firewall.ts";
import type { HelperChannel } from "./helper-channel.ts";
import type { Endpoint, Plan } from "./plan.ts";
import type { Reply } from "./reply.ts";
import { encodeCleanup, encodeProbe, encodeStart, encodeUpdate } from "./request.ts";
import { spawnHelper } from "./spawn-helper.ts";
import type { SpawnedHelper } from "./spawn-helper.ts";
import type { Family } from "../subnet.ts";

/** iptables waits up to 10 s for its lock, and a request may run it twice for each family. */
const REPLY_TIMEOUT_MS = 60_000;

/**
 * Starts the helper and waits until it knows its method.
 * @throws FirewallError "firewall-no-permission", "firewall-no-method", "firewall-helper-lost"
 */
export async function startFirewall(options: FirewallOptions): Promise<Firewall> {
  const helper = await spawnHelper(options.command);
  const { channel } = helper;
  try {
    channel.send(encodeProbe(options.method));
    const warnings: string[] = [];
    for (;;) {
      const reply = await channel.next(REPLY_TIMEOUT_MS);
      if (reply.kind === "ready") return new RunningFirewall(helper, reply, warnings);
      if (reply.kind !== "warning") throw problemOf(reply);
      warnings.push(reply.text);
    }
  } catch (error) {
    channel.destroy();
    await helper.exited;
    throw error;
  }
}

export interface CleanUp {
  /** What was removed, and what belongs to living instances, each one line. */
  readonly removed: readonly string[];
  readonly kept: readonly string[];
}

/**
 * Has the helper remove what crashed instances left.
 * @throws FirewallError "firewall-left-something", "firewall-no-permission", "firewall-helper-lost"
 */
export async function cleanUpFirewall(command: readonly string[]): Promise<CleanUp> {
  const { channel, exited } = await spawnHelper(command);
  const lines: Record<"removed" | "kept", string[]> = { removed: [], kept: [] };
  try {
    channel.send(encodeCleanup());
    for (;;) {
      const reply = await channel.next(REPLY_TIMEOUT_MS);
      if (reply.kind === "cleaned") return lines;
      if (reply.kind !== "removed" && reply.kind !== "kept") throw problemOf(reply);
      lines[reply.kind].push(reply.text);
    }
  } finally {
    channel.end();
    await exited;
  }
}

class RunningFirewall implements Firewall {
  readonly method: RuleMethod;
  readonly families: readonly Family[];
  readonly reason: string;
  readonly warnings: readonly string[];
  readonly lost: Promise<FirewallError>;
  private readonly channel: HelperChannel;
  private readonly exited: Promise<void>;
  private stopping: Promise<void> | undefined;
  /** Settles, and never rejects, when the last request was answered. */
  private idle: Promise<void> = Promise.resolve();
  /** The error that the helper has ended with. */
  private reported: FirewallError | undefined;
  private isLost = false;

  constructor(
    { channel, exited }: SpawnedHelper,
    { method, families, reason }: Extract<Reply, { kind: "ready" }>,
    warnings: readonly string[],
  ) {
    this.method = method;
    this.families = families;
    this.reason = reason;
    this.warnings = warnings;
    this.channel = channel;
    this.exited = exited;
    this.lost = this.watch();
  }

  start(plan: Plan): Promise<void> {
    return this.request(encodeStart(plan), "started");
  }

  update(ownConnections: readonly Endpoint[]): Promise<void> {
    return this.request(encodeUpdate(ownConnections), "updated");
  }

  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private async watch(): Promise<FirewallError> {
    const error = await this.channel.closed;
    if (error === undefined) return await new Promise<never>(() => undefined);
    this.isLost = true;
    return error;
  }

  /** Replies come in the order of the requests, so each waits for the one before. */
  private request(text: string, answer: Reply["kind"]): Promise<void> {
    const before = this.idle;
    const result = (async (): Promise<void> => {
      await before;
      this.channel.send(text);
      await this.expect(answer);
    })();
    this.idle = result.catch(() => undefined);
    return result;
  }

  private async end(): Promise<void> {
    await this.idle;
    // Whoever has lost it, or was told of an error, knows; after an error the helper has undone everything.
    if (this.isLost) return;
    this.channel.end();
    try {
      if (this.reported === undefined) await this.expect("stopped");
    } catch (cause) {
      if (this.reported === undefined) throw doubt(cause);
    } finally {
      this.channel.destroy();
    }
    await this.exited;
    if (this.reported?.code === "firewall-left-something") throw this.reported;
  }

  private async expect(kind: Reply["kind"]): Promise<void> {
    const reply = await this.channel.next(REPLY_TIMEOUT_MS);
    if (reply.kind === "error") this.reported = reply.error;
    if (reply.kind !== kind) throw problemOf(reply);
  }
}

function doubt(cause: unknown): FirewallError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FirewallError("firewall-left-something", `Cannot tell whether rules are left: ${reason}`, {
    hint: "sudo sshuttle cleanup",
    cause,
  });
}

/** What is wrong with a reply that was not waited for. */
function problemOf(reply: Reply): FirewallError {
  if (reply.kind === "error") return reply.error;
  return new FirewallError("firewall-request", `Cannot make sense of the helper's reply "${reply.kind}" now`);
}
