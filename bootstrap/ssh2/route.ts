/** How a connection to a host is made: directly, through other hosts, or by a command. */
import { ConfigSyntaxError } from "./config-sections.ts";
import { expandPercent } from "./tokens.ts";
import type { Tokens } from "./tokens.ts";
import type { ValueReader } from "./value-reader.ts";

export interface Jump {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
}

export type Route =
  | { readonly kind: "direct" }
  | { readonly kind: "jump"; readonly jumps: readonly Jump[] }
  | { readonly kind: "command"; readonly command: string };

/** Of ProxyJump and ProxyCommand the one named first holds, but for a ProxyJump of "none": it leaves room for the other. */
export function routeOf(read: ValueReader, tokens: Tokens): Route {
  const jump = read.word("proxyjump");
  const command = read.word("proxycommand");
  const jumpCounts = jump !== undefined && !isNone(jump) && read.isBefore("proxyjump", "proxycommand");
  if (jumpCounts) return { kind: "jump", jumps: parseJumps(jump) };
  if (command === undefined || isNone(command)) return { kind: "direct" };
  checkForShell("host name", tokens["h"] ?? "");
  checkForShell("user name", tokens["r"] ?? "");
  return { kind: "command", command: expandPercent(command, tokens) };
}

function isNone(text: string): boolean {
  return text.toLowerCase() === "none";
}

/** A ProxyCommand goes through a shell, and host and user may come from a link that someone else wrote. */
function checkForShell(what: string, text: string): void {
  if (/['`"$\\;&<>|(){}\s\p{Cc}]/u.test(text) || text.startsWith("-")) {
    throw new ConfigSyntaxError(`ProxyCommand cannot be given the ${what} ${JSON.stringify(text)}`);
  }
}

/** Parses ProxyJump: `[user@]host[:port]` or `ssh://[user@]host[:port]`, in the order in which they are passed. */
export function parseJumps(list: string): Jump[] {
  return list.split(",").map((text) => {
    const bare = text
      .trim()
      .replace(/^ssh:\/\//i, "")
      .replace(/\/$/, "");
    const [, user, bracketed, plain, portText] =
      /^(?:(.+)@)?(?:\[([^\]]+)\]|([^:@[\]\s]+|[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*))(?::(\d{1,5}))?$/i.exec(
        bare,
      ) ?? [];
    const host = bracketed ?? plain;
    const port = portText === undefined ? undefined : Number(portText);
    if (host === undefined || host.startsWith("-") || port === 0 || (port ?? 0) > 65_535) {
      throw new ConfigSyntaxError(
        `ProxyJump is "${list}", in which "${text.trim()}" is no [user@]host[:port]`,
      );
    }
    return { user, host, port };
  });
}
