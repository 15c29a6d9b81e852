/**
 * Logs in by ssh2's authHandler: the order's steps carried out, with keys that are unlocked only when the server
 * would take them.
 *
 * Every key goes through ssh2's agent method, one key an agent: it is the one that shows the public key first and
 * waits for a signature. What ssh2 tells the handler then is of the attempt before, so the server's answers are
 * taken where they come in (onRefusal).
 */
import type { AnyAuthMethod, SigningRequestOptions } from "ssh2";
import { printable } from "../../bundler/printable.ts";
import { AuthenticationOrder } from "./authentication-order.ts";
import type { AuthenticationStep } from "./authentication-order.ts";
import type { HostSettings } from "./host-settings.ts";
import { OneKeyAgent } from "./one-key-agent.ts";
import type { Prompter } from "./prompter.ts";
import { findIdentities } from "./user-identities.ts";
import type { Identity } from "./user-identities.ts";

export interface AuthenticatorContext {
  readonly prompter: Prompter;
  /** A line for the user. */
  say(line: string): void;
}

interface Refusal {
  readonly methods: readonly string[];
  readonly partial: boolean;
}

export class Authenticator {
  /** What was offered to the server. */
  private readonly tried: string[] = [];
  /** Why nothing more was. */
  private readonly obstacles: string[] = [];
  /** What the server named last. */
  offered: readonly string[] = [];
  private readonly settings: HostSettings;
  private readonly context: AuthenticatorContext;
  private readonly mayAskSecrets: boolean;
  private readonly canAsk: boolean;
  private refusal: Refusal | undefined;
  private order: AuthenticationOrder | undefined;
  private identities: readonly Identity[] = [];

  /** `mayAskSecrets`: whether a password may be shown to this host at all. */
  constructor(settings: HostSettings, context: AuthenticatorContext, mayAskSecrets: boolean) {
    this.settings = settings;
    this.context = context;
    this.mayAskSecrets = mayAskSecrets;
    this.canAsk = mayAskSecrets && !settings.batchMode && context.prompter.canAsk();
  }

  /** The server's refusal of the last attempt; to be told before next() is called. */
  onRefusal(methods: readonly string[], partial: boolean): void {
    this.refusal = { methods, partial };
    this.offered = methods;
    if (partial) this.tried.push("accepted as one part of several");
  }

  /** The next attempt in ssh2's words; false if there is none left. */
  async next(): Promise<AnyAuthMethod | false> {
    if (this.order === undefined) {
      this.identities = this.settings.methods.includes("publickey")
        ? await findIdentities(this.settings, this.context, this.obstacles)
        : [];
      this.order = new AuthenticationOrder({
        methods: this.settings.methods,
        identityCount: this.identities.length,
        prompts: this.settings.passwordPrompts,
        canAsk: this.canAsk,
      });
    }
    for (;;) {
      const step = this.order.next(this.refusal);
      // A part is accepted once, however many steps follow without a word from the server.
      if (this.refusal !== undefined) this.refusal = { ...this.refusal, partial: false };
      if (step.kind === "exhausted") return false;
      const attempt = await this.carryOut(step, this.order);
      if (attempt !== undefined) return attempt;
    }
  }

  /** For the message of a failure: what was tried, and what stood in the way of more. */
  get account(): string {
    const deeds = this.tried.length === 0 ? "nothing was tried" : `tried ${this.tried.join(", ")}`;
    return [deeds, ...this.obstacles, ...this.notAsked()].join("; ");
  }

  private notAsked(): string[] {
    if (this.canAsk || !this.offered.some((method) => ASKING.has(method))) return [];
    if (!this.mayAskSecrets) return ["no password is shown to a host whose key has changed"];
    if (this.settings.batchMode) return ["nobody was asked: BatchMode"];
    return ["nobody could be asked: no terminal, and no SSH_ASKPASS with a display"];
  }

  /** Undefined if the step comes to nothing on this side. */
  private async carryOut(
    step: Exclude<AuthenticationStep, { kind: "exhausted" }>,
    order: AuthenticationOrder,
  ): Promise<AnyAuthMethod | undefined> {
    const { user: username } = this.settings;
    switch (step.kind) {
      case "none":
        return { type: "none", username };
      case "publickey": {
        const identity = this.identities[step.index];
        const publicKey = await identity?.publicKey();
        if (identity === undefined || publicKey === undefined) return undefined;
        this.tried.push(identity.name);
        const sign = (data: Buffer, options: SigningRequestOptions): Promise<Buffer> =>
          identity.sign(data, options);
        return { type: "agent", username, agent: new OneKeyAgent(publicKey, sign) };
      }
      case "password": {
        const again = step.attempt > 1 ? "Permission denied, please try again.\n" : "";
        const text = `${again}${this.login}'s password: `;
        const password = await this.context.prompter.ask({ text, echo: false });
        if (password === undefined) {
          order.close("password");
          return undefined;
        }
        this.tried.push("password");
        return { type: "password", username, password };
      }
      case "keyboard-interactive":
        this.tried.push("keyboard-interactive");
        // A server that refuses without a question would do so every time.
        if (step.attempt > 1 && !this.wasQuestioned) {
          order.close("keyboard-interactive");
          this.tried.pop();
          return undefined;
        }
        return { type: "keyboard-interactive", username, prompt: this.answerPrompts };
    }
  }

  private wasQuestioned = false;

  private readonly answerPrompts = (
    name: string,
    instructions: string,
    _language: string,
    prompts: readonly { readonly prompt: string; readonly echo?: boolean | undefined }[],
    finish: (answers: string[]) => void,
  ): void => {
    if (prompts.length > 0) this.wasQuestioned = true;
    void this.collectAnswers([name, instructions], prompts).then(finish);
  };

  /** The server's words are shown as its own: whose question it is must be plain. */
  private async collectAnswers(
    heading: readonly string[],
    prompts: readonly { readonly prompt: string; readonly echo?: boolean | undefined }[],
  ): Promise<string[]> {
    const answers: string[] = [];
    const lines = heading.flatMap((text) => text.split(/\r?\n/)).filter((line) => line.trim() !== "");
    let intro =
      prompts.length === 0 ? "" : lines.map((line) => `(${this.login}) ${printable(line)}\n`).join("");
    for (const { prompt, echo = false } of prompts) {
      const text = `${intro}(${this.login}) ${printable(prompt)}`;
      const answer = await this.context.prompter.ask({ text, echo });
      if (answer === undefined) this.order?.close("keyboard-interactive");
      answers.push(answer ?? "");
      intro = "";
    }
    return answers;
  }

  private get login(): string {
    return `${this.settings.user}@${this.settings.host}`;
  }
}

const ASKING: ReadonlySet<string> = new Set(["password", "keyboard-interactive"]);
