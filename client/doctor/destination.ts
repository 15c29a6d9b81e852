/** A TARGET of the command line: what shall be reached from the server. */
import { isIP, isIPv6 } from "node:net";
import { UsageError } from "../errors.ts";

export interface Destination {
  readonly host: string;
  readonly port: number;
  /** False if the port is ours: then it is the host that shall be there, and nothing need listen. */
  readonly isPortGiven: boolean;
}

/** Open on most hosts that serve anything, and rarely dropped by a firewall on the way. */
const DEFAULT_PORT = 443;
/** As the wire has it: printable ASCII. */
const HOST = /^[a-z0-9._-]{1,253}$/i;

/**
 * Parses `host`, `host:port`, `[v6]:port` and `v6`.
 * @throws UsageError naming the text and what is wrong with it.
 */
export function parseDestination(text: string): Destination {
  if (isIPv6(text)) return { host: text, port: DEFAULT_PORT, isPortGiven: false };
  const [, v6, name, portText] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(text) ?? [];
  const host = v6 ?? name ?? "";
  if (v6 === undefined ? !HOST.test(host) : !isIPv6(v6)) {
    throw new UsageError(
      `Cannot parse target ${JSON.stringify(text)}: "${host}" is neither an address nor a host name`,
      "examples: db.internal:5432, 10.1.2.3, [2001:db8::1]:443",
    );
  }
  if (portText === undefined) return { host, port: DEFAULT_PORT, isPortGiven: false };
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535) {
    throw new UsageError(`Cannot parse target "${text}": port is "${portText}", allowed are 1 to 65535`);
  }
  return { host, port, isPortGiven: true };
}

/** Whether the name service there has a part in it. */
export function isName({ host }: Destination): boolean {
  return isIP(host) === 0;
}

export function formatDestination({ host, port }: Destination): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
