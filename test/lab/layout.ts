/**
 * The map of the laboratory: five hosts, six cables, and who can reach whom.
 *
 *     lan ──── client ──── server ──── target
 *                │ └──── jump ─┘          │
 *                └────────────────────────┘  (the direct cable)
 *
 * The target takes every address that is not on a cable for its own, so any destination of a test is
 * there. From the client such a destination is either behind the server, which refuses to forward
 * (EHOSTUNREACH at once: without a tunnel nothing gets through), or, in a direct lab, at the end of the
 * direct cable. In both the address that the target sees tells the two ways apart.
 */

export const HOSTS = ["client", "server", "target", "lan", "jump"] as const;
export type HostName = (typeof HOSTS)[number];

/** Address families of every cable; host parts are .1 and .2, ::1 and ::2, in the order of `ends`. */
interface Cable {
  readonly ends: readonly [HostName, HostName];
  /** First three octets. Documentation prefixes (RFC 5737), or private ones (RFC 1918). */
  readonly net4: string;
  /** First 64 bits, inside the documentation prefix (RFC 3849). */
  readonly net6: string;
}

const CABLES: readonly Cable[] = [
  { ends: ["server", "client"], net4: "192.0.2", net6: "2001:db8:0:1" },
  { ends: ["target", "server"], net4: "203.0.113", net6: "2001:db8:0:2" },
  { ends: ["target", "client"], net4: "198.51.100", net6: "2001:db8:0:3" },
  { ends: ["client", "lan"], net4: "172.16.0", net6: "2001:db8:0:4" },
  { ends: ["jump", "client"], net4: "172.16.1", net6: "2001:db8:0:5" },
  { ends: ["server", "jump"], net4: "172.16.2", net6: "2001:db8:0:6" },
];

/** Ends of the emulated link, while there is one (emulated-link.ts); a prefix for such tests (RFC 2544). */
export const LINK_CLIENT = "198.18.0.1";
export const LINK_SERVER = "198.18.0.2";

export interface Address {
  readonly v4: string;
  readonly v6: string;
}

/** The address of `host` on its cable to `peer`. */
export function addressOf(host: HostName, peer: HostName): Address {
  for (const { ends, net4, net6 } of CABLES) {
    const number = ends.indexOf(host) + 1;
    if (number > 0 && ends.includes(peer)) return { v4: `${net4}.${number}`, v6: `${net6}::${number}` };
  }
  throw new Error(`Cannot find a cable between "${host}" and "${peer}"`);
}

export type Way = "tunnelled" | "direct";

/** How a connection came to the target, by the address that the target saw. */
export function wayOf(peerAddress: string): Way {
  const server = addressOf("server", "target");
  return peerAddress === server.v4 || peerAddress === server.v6 ? "tunnelled" : "direct";
}

/** The lines for `ip -batch -` that lay the cables, with the hosts' namespaces already there. */
export function cableBatch(): string {
  return CABLES.map(
    ({ ends: [a, b] }) => `link add to-${b} netns ${a} type veth peer name to-${a} netns ${b}\n`,
  ).join("");
}

export type Family = "v4" | "v6";

/** The lines for `ip -4 -n HOST -batch -`, or -6, that give one host its addresses and routes. */
export function hostBatch(host: HostName, family: Family, direct: boolean): string {
  const prefix = family === "v4" ? 24 : 64;
  const lines = ["link set lo up"];
  for (const { ends } of CABLES) {
    if (!ends.includes(host)) continue;
    const peer = ends[0] === host ? ends[1] : ends[0];
    lines.push(
      `addr add ${addressOf(host, peer)[family]}/${prefix} dev to-${peer}`,
      `link set to-${peer} up`,
    );
  }
  return [...lines, ...ROUTES[host](family, direct)].map((line) => `${line}\n`).join("");
}

const ROUTES: Readonly<Record<HostName, (family: Family, direct: boolean) => string[]>> = {
  client: (family, direct) => [defaultVia("client", direct ? "target" : "server", family)],
  server: (family) => [
    defaultVia("server", "target", family),
    // What is not for the server itself is refused and not dropped: a test without a tunnel fails at once.
    "rule add iif to-client unreachable",
    routeTo("server", "client", "lan", family),
  ],
  target: (family) => [
    // Any address is the target's own; in the main table, where the cables are more specific.
    `route add local ${EVERYWHERE[family]} dev lo table main`,
    routeTo("target", "client", "lan", family),
  ],
  lan: (family) => [defaultVia("lan", "client", family)],
  jump: () => [],
};

const EVERYWHERE: Address = { v4: "0.0.0.0/0", v6: "::/0" };

function defaultVia(host: HostName, peer: HostName, family: Family): string {
  return `route add ${EVERYWHERE[family]} via ${addressOf(peer, host)[family]}`;
}

/** On `host`: the network between `gateway` and `far` lies behind `gateway`. */
function routeTo(host: HostName, gateway: HostName, far: HostName, family: Family): string {
  const network = addressOf(gateway, far)[family].replace(/\d+$/, family === "v4" ? "0/24" : "/64");
  return `route add ${network} via ${addressOf(gateway, host)[family]}`;
}
