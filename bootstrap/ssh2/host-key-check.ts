/**
 * Whether the host is the one it was: its key against known_hosts, and the user's word for a new one.
 * Source: check_host_key() in sshconnect.c of OpenSSH 9.2.
 */
import { BootstrapError } from "../errors.ts";
import { printable } from "../../bundler/printable.ts";
import { preferKnownHostKeys } from "./algorithms.ts";
import { fingerprint, keyTypeName } from "./fingerprint.ts";
import type { HostSettings } from "./host-settings.ts";
import { formatKnownHost, judgeHostKey, knownHostName, knownKeyTypes } from "./known-hosts.ts";
import type { KnownHost } from "./known-hosts.ts";
import { appendKnownHost, readKnownHosts } from "./known-hosts-files.ts";
import type { Prompter } from "./prompter.ts";

export interface HostKeyContext {
  readonly prompter: Prompter;
  /** A line for the user. */
  say(line: string): void;
}

const DEFAULT_PORT = 22;

export class HostKeyCheck {
  /** Why the key was refused. */
  refusal: BootstrapError | undefined;
  /** Whether the host may be asked for by a password: not if its key has changed and that was let pass. */
  mayShowSecrets = true;
  private readonly settings: HostSettings;
  private readonly context: HostKeyContext;
  /** For messages: "ssh user@host". */
  private readonly where: string;
  private readonly name: string;
  private readonly entries: readonly KnownHost[];
  private accepted: Buffer | undefined;
  private toRemember: Buffer | undefined;

  constructor(settings: HostSettings, where: string, context: HostKeyContext) {
    this.settings = settings;
    this.context = context;
    this.where = where;
    this.name = settings.hostKeyAlias?.toLowerCase() ?? knownHostName(settings.hostname, settings.port);
    this.entries = readKnownHosts([...settings.userKnownHostsFiles, ...settings.globalKnownHostsFiles]);
  }

  /** Host key algorithms, best first: those of known keys, unless the user has said otherwise. */
  algorithms(): readonly string[] {
    const { serverHostKey, serverHostKeyFixed } = this.settings.algorithms;
    if (serverHostKeyFixed) return serverHostKey;
    const known = knownKeyTypes(this.entries, this.name);
    return preferKnownHostKeys(serverHostKey, known.length > 0 ? known : this.typesWithoutPort());
  }

  /**
   * Whether to go on with a host that shows this key. The first time that may take a question; when keys are renewed
   * it must be the same key again, and the answer is there at once: ssh2 mixes up old and new keys if it has to wait
   * while data flow.
   */
  accept(shown: Buffer): boolean | Promise<boolean> {
    if (this.accepted !== undefined) return this.accepted.equals(shown);
    // A part of ssh2's own buffer, which goes on being used.
    return this.acceptFirst(Buffer.from(shown));
  }

  /** To be called once the host has proved that it has the key: only then is a new one written down. */
  remember(): void {
    const { userKnownHostsFiles, hashKnownHosts } = this.settings;
    const key = this.toRemember;
    this.toRemember = undefined;
    const [file] = userKnownHostsFiles;
    if (key === undefined || file === undefined) return;
    try {
      appendKnownHost(file, formatKnownHost(this.name, key, hashKnownHosts));
      this.context.say(`added the ${keyTypeName(key)} key of ${this.name} to ${file}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.context.say(`cannot add the key of ${this.name} to ${file}: ${reason}`);
    }
  }

  private async acceptFirst(key: Buffer): Promise<boolean> {
    const allowed = await this.judge(key);
    if (allowed) this.accepted = key;
    return allowed;
  }

  private async judge(key: Buffer): Promise<boolean> {
    const verdict = judgeHostKey(this.entries, this.name, key);
    switch (verdict.kind) {
      case "known":
        return true;
      case "revoked":
        return this.refuse(
          `its ${describe(key)} is revoked by ${place(verdict.entry)}`,
          "do not connect; ask the server's administrator",
        );
      case "changed":
        return this.judgeChanged(key, verdict.known);
      case "unknown":
        // ssh takes a host that is known without its port for the same.
        if (this.isKnownWithoutPort(key)) return true;
        return await this.judgeUnknown(key, verdict.authority);
    }
  }

  private judgeChanged(key: Buffer, known: KnownHost): boolean {
    const change = `ITS HOST KEY HAS CHANGED: it shows ${describe(key)}, but ${place(known)} has ${describe(known.key)}`;
    if (this.settings.hostKeyPolicy !== "no") {
      return this.refuse(
        change,
        "someone may be in between; find out whether the server got a new key, and only then remove that line",
      );
    }
    this.context.say(
      `WARNING: ${this.where}: ${change}. Going on (StrictHostKeyChecking no), without passwords.`,
    );
    this.mayShowSecrets = false;
    return true;
  }

  private async judgeUnknown(key: Buffer, authority: KnownHost | undefined): Promise<boolean> {
    const remark =
      authority === undefined
        ? ""
        : `; ${place(authority)} names an authority for it, but certificates are not supported here`;
    switch (this.settings.hostKeyPolicy) {
      case "yes":
        return this.refuse(`its ${describe(key)} is not in known_hosts${remark}`, ADD_FIRST);
      case "accept-new":
      case "no":
        break;
      case "ask":
        if (!(await this.confirm(key, remark))) return false;
    }
    this.toRemember = key;
    return true;
  }

  private async confirm(key: Buffer, remark: string): Promise<boolean> {
    const shown = describe(key);
    if (this.settings.batchMode || !this.context.prompter.canAsk()) {
      const reason = this.settings.batchMode ? "BatchMode" : "no terminal";
      return this.refuse(
        `its ${shown} is not in known_hosts, and nobody can be asked (${reason})${remark}`,
        ADD_FIRST,
      );
    }
    const intro = `The host ${printable(this.name)} is not known yet.\nIt shows the ${shown}${remark}.\n`;
    let text = `${intro}Go on connecting (yes, no, or the fingerprint)? `;
    for (;;) {
      const answer = (await this.context.prompter.ask({ text, echo: true }))?.trim();
      if (answer === fingerprint(key) || answer?.toLowerCase() === "yes") return true;
      if (answer === undefined || answer.toLowerCase() === "no") {
        return this.refuse(
          `its ${shown} was not accepted`,
          "compare the fingerprint with what the server's administrator says",
        );
      }
      text = answer.startsWith("SHA256:")
        ? "That is not its fingerprint. yes, no, or the fingerprint: "
        : "Please type yes, no, or the fingerprint: ";
    }
  }

  private refuse(reason: string, hint: string): false {
    this.refusal = new BootstrapError("ssh-host-key", `Cannot trust ${this.where}: ${reason}`, { hint });
    return false;
  }

  private isKnownWithoutPort(key: Buffer): boolean {
    return this.bareName !== undefined && judgeHostKey(this.entries, this.bareName, key).kind === "known";
  }

  private typesWithoutPort(): string[] {
    return this.bareName === undefined ? [] : knownKeyTypes(this.entries, this.bareName);
  }

  private get bareName(): string | undefined {
    const { hostKeyAlias, hostname, port } = this.settings;
    return hostKeyAlias === undefined && port !== DEFAULT_PORT ? hostname.toLowerCase() : undefined;
  }
}

const ADD_FIRST =
  "connect once from a terminal and accept it, or add it to known_hosts by ssh-keyscan after comparing it";

function describe(key: Buffer): string {
  return `${keyTypeName(key)} key ${fingerprint(key)}`;
}

function place({ file, line }: KnownHost): string {
  return `${file}:${line}`;
}
