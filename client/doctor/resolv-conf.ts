/** What /etc/resolv.conf says of this machine's name service. */
import { okay, warning } from "./step.ts";
import type { Step } from "./step.ts";

/** Where systemd-resolved listens for programs that know no better. Source: systemd-resolved.service(8). */
const RESOLVED_STUB = "127.0.0.53";

/** The nameservers, in order. Comments and options are skipped. Source: resolv.conf(5). */
export function parseNameservers(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => /^\s*nameserver\s+([^\s#;]+)/.exec(line)?.[1])
    .filter((address) => address !== undefined);
}

/**
 * @param text of /etc/resolv.conf, undefined if it cannot be read.
 * @param upstream of /run/systemd/resolve/resolv.conf, where systemd-resolved lists whom it asks itself.
 */
export function judgeResolvConf(text: string | undefined, upstream: string | undefined): Step {
  const servers = text === undefined ? [] : parseNameservers(text);
  if (servers.length === 0) {
    return warning(
      "names-here",
      text === undefined
        ? "/etc/resolv.conf cannot be read"
        : "/etc/resolv.conf names no nameserver, which means 127.0.0.1",
      "write a line there such as: nameserver 9.9.9.9",
    );
  }
  const behind = upstream === undefined ? [] : parseNameservers(upstream);
  const described = servers.map((server) =>
    server === RESOLVED_STUB
      ? `${server} (systemd-resolved's stub${behind.length === 0 ? "" : `; behind it ${behind.join(", ")}`})`
      : server,
  );
  return okay("names-here", `nameserver ${described.join(", ")}`);
}
