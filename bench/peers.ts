/** Who is compared: each a tunnel from the lab's client to addresses behind the server, up at the same time. */
import type { Lab } from "../test/lab/lab.ts";
import { PROJECT_IN_LAB } from "../test/lab/keeper.ts";
import { eventually } from "../test/lab/lab-process.ts";
import type { LabProcess } from "../test/lab/lab-process.ts";
import { wayOf } from "../test/lab/layout.ts";
import { PORT, WHOAMI_PORTS } from "../test/lab/services.ts";
import type { WhoAmI } from "../test/lab/services.ts";
import type { SshAlias } from "../test/lab/sshd.ts";

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface Peer {
  readonly name: string;
  /** Where an application on the client connects to get to that port of the target. */
  endpoint(port: number): Endpoint;
}

export interface PeerDefinition extends Peer {
  /** The command, run as root on the client; its ssh gets the options besides. Absent: no tunnel, from the server itself. */
  readonly argv?: (
    lab: Lab,
    alias: SshAlias,
    sshOptions: readonly string[],
  ) => readonly [string, ...string[]];
}

const WHOAMI_PORT = WHOAMI_PORTS[0] ?? 0;

/** Ports of the target that the bench uses. What forwards single ports has to know them. */
export const BENCH_PORT: Readonly<Record<"iperf" | "echo" | "whoami", number>> = {
  iperf: 5201,
  echo: PORT.echo,
  whoami: WHOAMI_PORT,
};

/** A tunnel that captures: applications connect to the address itself. Each has a subnet of its own. */
function capturing(
  name: string,
  network: string,
  argv: (ssh: string, subnet: string, alias: SshAlias) => readonly [string, ...string[]],
): PeerDefinition {
  return {
    name,
    endpoint: (port) => ({ address: `${network}.0.1`, port }),
    argv: (lab, alias, sshOptions) => argv(sshWords(lab, sshOptions).join(" "), `${network}.0.0/16`, alias),
  };
}

/** `ssh -L`: it listens on loopback, at the port plus the offset. */
function forwarding(name: string, offset: number, options: readonly string[]): PeerDefinition {
  return {
    name,
    endpoint: (port) => ({ address: "127.0.0.1", port: port + offset }),
    argv: (lab, alias, sshOptions) => [
      ...sshWords(lab, [...sshOptions, ...options]),
      "-N",
      ...Object.values(BENCH_PORT).flatMap((port) => ["-L", `${port + offset}:10.4.0.1:${port}`]),
      alias,
    ],
  };
}

function sshWords(lab: Lab, options: readonly string[]): [string, ...string[]] {
  return ["ssh", "-F", lab.sshConfig, ...options];
}

const SSHUTTLE = ["--method", "nft", "--disable-ipv6"] as const;

export const OURS = "ours";

/** What ours prefers where the CPU has instructions for it (docs/cipher.md). */
export const PREFERRED_CIPHER = "aes128-gcm@openssh.com";

export const PEERS: readonly PeerDefinition[] = [
  capturing(OURS, "10.1", (ssh, subnet, alias) => {
    const main = `${PROJECT_IN_LAB}/dist/client/main.js`;
    return ["node", main, "-r", alias, "-e", ssh, "--method", "nft", subnet];
  }),
  capturing("sshuttle", "10.2", (ssh, subnet, alias) => {
    return ["sshuttle", "-r", alias, "-e", ssh, ...SSHUTTLE, subnet];
  }),
  capturing("sshuttle --no-latency-control", "10.3", (ssh, subnet, alias) => {
    return ["sshuttle", "-r", alias, "-e", ssh, ...SSHUTTLE, "--no-latency-control", subnet];
  }),
  forwarding("ssh -L", 20_000, []),
  forwarding("ssh -L, same cipher", 30_000, ["-c", PREFERRED_CIPHER]),
];

/** Starts one and waits until a connection comes through it, and not over the direct cable. */
export async function startPeer(
  lab: Lab,
  peer: PeerDefinition,
  alias: SshAlias = "server",
  sshOptions: readonly string[] = [],
): Promise<LabProcess | undefined> {
  if (peer.argv === undefined) return undefined;
  const child = lab.client.start(peer.argv(lab, alias, sshOptions));
  let ended = false;
  child.exit.then(
    () => (ended = true),
    () => (ended = true),
  );
  const { address, port } = peer.endpoint(BENCH_PORT.whoami);
  await eventually(`${peer.name} carries a connection`, async () => {
    if (ended) throw new Error(`${peer.name} has ended\n${child.said}`);
    const { error, head } = await lab.client.exchange({ address, port });
    if (error !== undefined || head === "") return undefined;
    return wayOf((JSON.parse(head) as WhoAmI).peer) === "tunnelled" ? true : undefined;
  });
  return child;
}

/** What this peer's ssh agrees on with the lab's sshd: by a start of its own, since an ssh that says so says much else. */
export async function negotiatedCipher(lab: Lab, peer: PeerDefinition): Promise<string> {
  const child = await startPeer(lab, peer, "server", ["-v"]);
  if (child === undefined) return "none";
  const cipher = /kex: server->client cipher: (\S+)/.exec(child.said)?.[1];
  child.kill("SIGTERM");
  await child.end();
  return cipher ?? "unknown";
}
