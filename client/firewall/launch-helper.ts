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
      if (reply.kind !== "warning") throw unexpected(reply);
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
      if (reply.kind !== "removed" && reply.kind !== "kept") throw unexpected(reply);
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

  async start(plan: Plan): Promise<void> {
    this.channel.send(encodeStart(plan));
    await this.expect("started");
  }

  async update(ownConnections: readonly Endpoint[]): Promise<void> {
    this.channel.send(encodeUpdate(ownConnections));
    await this.expect("updated");
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

  private async end(): Promise<void> {
    // Whoever has lost it has been told so already.
    if (this.isLost) return;
    this.channel.end();
    try {
      await this.expect("stopped");
    } catch (cause) {
      if (cause instanceof FirewallError && cause.code === "firewall-left-something") throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new FirewallError("firewall-left-something", `Cannot tell whether rules are left: ${reason}`, {
        hint: "sudo sshuttle cleanup",
        cause,
      });
    } finally {
      this.channel.destroy();
    }
    await this.exited;
  }

  private async expect(kind: Reply["kind"]): Promise<void> {
    const reply = await this.channel.next(REPLY_TIMEOUT_MS);
    if (reply.kind !== kind) throw unexpected(reply);
  }
}

function unexpected(reply: Reply): FirewallError {
  return new FirewallError("firewall-request", `Cannot make sense of the helper's reply "${reply.kind}" now`);
}
