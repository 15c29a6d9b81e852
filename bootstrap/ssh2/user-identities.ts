/** The keys of the user's agent and files, read as far as they can be without a question. */
import ssh2 from "ssh2";
import type { ParsedKey, SigningRequestOptions } from "ssh2";
import { printable } from "../../bundler/printable.ts";
import type { HostSettings } from "./host-settings.ts";
import { describeKey, orderIdentities } from "./identities.ts";
import { readKeyFile, unlockKey } from "./key-file.ts";
import type { Prompter } from "./prompter.ts";

export interface IdentityContext {
  readonly prompter: Prompter;
  /** A line for the user. */
  say(line: string): void;
}

export interface Identity {
  readonly blob: Buffer | undefined;
  /** For messages: "key ~/.ssh/id_rsa", "agent's key NAME". */
  readonly name: string;
  /** The public key; undefined if there is none to be had. */
  publicKey(): Promise<ParsedKey | undefined>;
  sign(data: Buffer, options: SigningRequestOptions): Promise<Buffer>;
}

/** In the order in which they are offered. What stands in the way of more of them is added to `obstacles`. */
export async function findIdentities(
  settings: HostSettings,
  context: IdentityContext,
  obstacles: string[],
): Promise<readonly Identity[]> {
  return await new IdentityFinder(settings, context, obstacles).find();
}

class IdentityFinder {
  private readonly settings: HostSettings;
  private readonly context: IdentityContext;
  private readonly obstacles: string[];

  constructor(settings: HostSettings, context: IdentityContext, obstacles: string[]) {
    this.settings = settings;
    this.context = context;
    this.obstacles = obstacles;
  }

  async find(): Promise<readonly Identity[]> {
    const files = this.settings.identityFiles.flatMap((file) => this.fileIdentity(file) ?? []);
    return orderIdentities(await this.agentIdentities(), files, this.settings.identitiesOnly);
  }

  private async agentIdentities(): Promise<Identity[]> {
    const { identityAgent } = this.settings;
    if (identityAgent === undefined) return [];
    const agent = ssh2.createAgent(identityAgent);
    const keys = await new Promise<readonly ParsedKey[]>((resolve) => {
      agent.getIdentities((error, found) => {
        if (error !== undefined && error !== null) this.obstacles.push(`no agent at ${identityAgent}`);
        resolve(found?.filter(isParsedKey) ?? []);
      });
    });
    return keys.map((key) => {
      const blob = key.getPublicSSH();
      return {
        blob,
        name: `agent's key ${printable(key.comment)} (${describeKey(blob)})`,
        publicKey: () => Promise.resolve(key),
        sign: (data, options) => {
          return new Promise((resolve, reject) => {
            agent.sign(key, data, options, (error, signature) => {
              if (signature === undefined) reject(error ?? new Error("the agent gave no signature"));
              else resolve(signature);
            });
          });
        },
      };
    });
  }

  private fileIdentity(file: string): Identity | undefined {
    const found = readKeyFile(file);
    switch (found.kind) {
      case "absent":
        if (this.settings.identitiesNamed) this.obstacles.push(`no key at ${file}`);
        return undefined;
      case "unusable":
        this.context.say(`the key ${file} ${found.reason}`);
        this.obstacles.push(`key ${file} ${found.reason}`);
        return undefined;
      case "key": {
        let unlocked: ParsedKey | undefined = found.encrypted ? undefined : found.publicKey;
        const unlock = async (): Promise<ParsedKey | undefined> => {
          unlocked ??= await this.askPassphrase(file, found.text);
          return unlocked;
        };
        const blob = found.publicKey?.getPublicSSH();
        return {
          blob,
          name: `key ${file} (${describeKey(blob)})`,
          publicKey: async () => found.publicKey ?? (await unlock()),
          sign: async (data, { hash }) => {
            const key = await unlock();
            if (key === undefined) throw new Error(`the key ${file} stays locked`);
            const signature: Buffer | Error = key.sign(data, hash);
            if (signature instanceof Error) throw signature;
            return signature;
          },
        };
      }
    }
  }

  private async askPassphrase(file: string, text: string): Promise<ParsedKey | undefined> {
    if (this.settings.batchMode || !this.context.prompter.canAsk()) {
      this.obstacles.push(`the passphrase of ${file} is not to be had: nobody to ask`);
      return undefined;
    }
    const question = `Enter passphrase for key '${file}': `;
    for (let attempt = 1; attempt <= this.settings.passwordPrompts; attempt++) {
      const again = attempt > 1 ? "That is not its passphrase.\n" : "";
      const passphrase = await this.context.prompter.ask({ text: again + question, echo: false });
      // An empty answer means: not this one.
      if (passphrase === undefined || passphrase === "") break;
      const key = unlockKey(text, passphrase);
      if (key !== undefined) return key;
    }
    this.obstacles.push(`${file} stayed locked`);
    return undefined;
  }
}

function isParsedKey(key: unknown): key is ParsedKey {
  return typeof key === "object" && key !== null && "getPublicSSH" in key;
}
