/** The argument of -r: where sshd is. Everything else about the host is the user's ssh configuration's. */
import { isIPv6 } from "node:net";
import { UsageError } from "./errors.ts";

export interface Remote {
  /** What ssh gets as its destination: "[user@]host", brackets removed. */
  readonly destination: string;
  readonly port?: number;
}

/**
 * Parses `[user@]host[:port]`, `[user@][v6]:port`, `[user@]v6`, `ssh://[user@]host[:port]`.
 * @throws UsageError naming the text and what is wrong with it.
 */
export function parseRemote(text: string): Remote {
  const bare = text.startsWith("ssh://") ? text.slice("ssh://".length).replace(/\/$/, "") : text;
  const at = bare.lastIndexOf("@");
  const user = at < 0 ? undefined : bare.slice(0, at);
  const { host, portText } = splitHost(text, bare.slice(at + 1));
  if (user === "") throw new UsageError(`Cannot parse remote "${text}": the user before "@" is empty`);
  if (user?.includes(":")) {
    // A password on a command line is in every process list; ssh itself has no place for one either.
    throw new UsageError(
      `Cannot parse remote "${hidePassword(text)}": the user holds ":", as if a password stood there`,
      "let ssh ask for it, use a key or an agent, or set SSH_ASKPASS",
    );
  }
  if (host === "") throw new UsageError(`Cannot parse remote "${text}": the host is empty`);
  if ((user ?? host).startsWith("-") || host.startsWith("-")) {
    throw new UsageError(
      `Cannot parse remote "${text}": it starts with "-", which ssh would read as an option`,
    );
  }
  if (/[\s\p{Cc}]/u.test(bare)) {
    throw new UsageError(
      `Cannot parse remote ${JSON.stringify(text)}: it holds white space or control characters`,
    );
  }
  const destination = user === undefined ? host : `${user}@${host}`;
  return portText === undefined ? { destination } : { destination, port: parsePort(text, portText) };
}

function splitHost(text: string, hostPort: string): { host: string; portText?: string } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(hostPort);
  if (bracketed !== null) {
    const [, host = "", portText] = bracketed;
    if (!isIPv6(host)) {
      throw new UsageError(
        `Cannot parse remote "${text}": brackets hold "${host}", which is no IPv6 address`,
      );
    }
    return portText === undefined ? { host } : { host, portText };
  }
  if (isIPv6(hostPort)) return { host: hostPort };
  const colon = hostPort.indexOf(":");
  if (colon < 0) return { host: hostPort };
  return { host: hostPort.slice(0, colon), portText: hostPort.slice(colon + 1) };
}

function parsePort(text: string, portText: string): number {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535) {
    throw new UsageError(`Cannot parse remote "${text}": port is "${portText}", allowed are 1 to 65535`);
  }
  return port;
}

function hidePassword(text: string): string {
  return text.replace(/:.*@/s, ":…@");
}
