/**
 * What the privileged helper answers, one line each. Texts are JSON strings, so that a tool's complaint stays
 * on its line.
 *
 *   hello VERSION NONCE                          once, first: the client knows its own helper by it
 *   warning "TEXT"                               before ready
 *   ready nft|nat 4|6|4,6 "WHY"
 *   started   updated                            to start and update
 *   removed "TEXT"   kept "TEXT"   cleaned       to cleanup
 *   error CODE "MESSAGE" ["HINT"]                instead of any of these; the helper has undone what it did
 *   stopped                                      after the end of the requests: nothing is left
 */
import type { Family } from "../subnet.ts";
import { FirewallError, isFirewallErrorCode } from "./errors.ts";
import { RULE_METHODS } from "./firewall.ts";
import type { RuleMethod } from "./firewall.ts";
import { LineReader, MAX_LINE_BYTES } from "./lines.ts";

/** Changes with the grammar of requests or replies. */
export const CHANNEL_VERSION = 1;

export type Reply =
  | { readonly kind: "hello"; readonly version: number; readonly nonce: string }
  | { readonly kind: "warning" | "removed" | "kept"; readonly text: string }
  | {
      readonly kind: "ready";
      readonly method: RuleMethod;
      readonly families: readonly Family[];
      readonly reason: string;
    }
  | { readonly kind: "started" | "updated" | "cleaned" | "stopped" }
  | { readonly kind: "error"; readonly error: FirewallError };

export function encodeReply(reply: Reply): string {
  return `${replyWords(reply).join(" ")}\n`;
}

/** The reply to an error of any kind. */
export function errorReply(error: unknown): Reply {
  if (error instanceof FirewallError) return { kind: "error", error };
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "error", error: new FirewallError("firewall-helper-failed", message, { cause: error }) };
}

/** Bytes in, replies out. */
export class ReplyReader {
  private readonly lines = new LineReader();

  /** @throws FirewallError "firewall-request" for a line that no helper writes. */
  receive(bytes: Uint8Array): Reply[] {
    return this.lines.receive(bytes).map(parseReply);
  }
}

function parseReply(line: string): Reply {
  const [verb = "", ...words] = line.split(" ");
  const reply = parseWords(verb, words, line.slice(verb.length + 1));
  if (reply === undefined) {
    throw new FirewallError("firewall-request", `Cannot read the helper's reply "${line.slice(0, 100)}"`);
  }
  return reply;
}

function parseWords(verb: string, words: readonly string[], rest: string): Reply | undefined {
  switch (verb) {
    case "hello":
      return { kind: "hello", version: Number(words[0]), nonce: words[1] ?? "" };
    case "warning":
    case "removed":
    case "kept":
      return { kind: verb, text: parseTexts(rest)[0] ?? "" };
    case "ready": {
      const method = RULE_METHODS.find((candidate) => candidate === words[0]);
      const families = ([4, 6] as const).filter((family) => words[1]?.split(",").includes(`${family}`));
      const [reason = ""] = parseTexts(words.slice(2).join(" "));
      return method === undefined ? undefined : { kind: "ready", method, families, reason };
    }
    case "started":
    case "updated":
    case "cleaned":
    case "stopped":
      return { kind: verb };
    case "error": {
      const code = words[0] ?? "";
      const [message = "", hint] = parseTexts(words.slice(1).join(" "));
      return isFirewallErrorCode(code)
        ? { kind: "error", error: new FirewallError(code, message, { hint }) }
        : undefined;
    }
    default:
      return undefined;
  }
}

/** JSON strings with blanks between them; what is none of that is no text. */
function parseTexts(rest: string): string[] {
  const texts: string[] = [];
  for (const [literal] of rest.matchAll(/"(?:[^"\\]|\\.)*"/g)) {
    try {
      texts.push(String(JSON.parse(literal)));
    } catch {
      return texts;
    }
  }
  return texts;
}

function replyWords(reply: Reply): string[] {
  switch (reply.kind) {
    case "hello":
      return [reply.kind, `${reply.version}`, reply.nonce];
    case "warning":
    case "removed":
    case "kept":
      return [reply.kind, quote(reply.text)];
    case "ready":
      return [reply.kind, reply.method, reply.families.join(","), quote(reply.reason)];
    case "started":
    case "updated":
    case "cleaned":
    case "stopped":
      return [reply.kind];
    case "error": {
      const { code, message, hint } = reply.error;
      return [reply.kind, code, quote(message), ...(hint === undefined ? [] : [quote(hint)])];
    }
  }
}

/** A JSON string of ASCII, cut so that two of them fit on a line even if every character needs an escape. */
function quote(text: string): string {
  const most = Math.floor(MAX_LINE_BYTES / 16);
  return JSON.stringify(text.slice(0, most)).replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
