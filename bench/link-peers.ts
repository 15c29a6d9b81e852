/** Who is compared over a link. Where the ciphers are to be the same, ssh is told which, ours as well as the peer. */
import { PROJECT_IN_LAB } from "../test/lab/keeper.ts";
import type { Lab } from "../test/lab/lab.ts";
import type { SshAlias } from "../test/lab/sshd.ts";
import { BENCH_PORT, FORWARD_OFFSET, OURS, PEERS, capturing } from "./peers.ts";
import type { PeerDefinition } from "./peers.ts";

/** What processors have instructions for. */
const SAME_CIPHER = "aes128-gcm@openssh.com";

export const SSH_SAME_CIPHER = "ssh -L, same cipher";
export const SSH_DEFAULT = "ssh -L";
/** The link without anything over it: what TCP makes of it. */
export const NO_TUNNEL = "no tunnel";
/** What is routed to the target over the link itself, for "no tunnel". */
export const NO_TUNNEL_NETWORK = "10.5";

export const LINK_PEERS: readonly PeerDefinition[] = [
  capturing(OURS, "10.1", (lab, subnet, alias) => {
    const main = `${PROJECT_IN_LAB}/dist/client/main.js`;
    const ssh = `ssh -F ${lab.sshConfig} -c ${SAME_CIPHER}`;
    return ["node", main, "-r", alias, "-e", ssh, "--method", "nft", subnet];
  }),
  forwarding(SSH_SAME_CIPHER, "-c", SAME_CIPHER),
  forwarding(SSH_DEFAULT),
  ...PEERS.filter(({ name }) => name.startsWith("sshuttle")),
  { name: NO_TUNNEL, endpoint: (port) => ({ address: `${NO_TUNNEL_NETWORK}.0.1`, port }) },
];

function forwarding(name: string, ...options: readonly string[]): PeerDefinition {
  return {
    name,
    endpoint: (port) => ({ address: "127.0.0.1", port: port + FORWARD_OFFSET }),
    argv: (lab: Lab, alias: SshAlias) => [
      ...(["ssh", "-N", "-F", lab.sshConfig, ...options] as const),
      ...Object.values(BENCH_PORT).flatMap((port) => ["-L", `${port + FORWARD_OFFSET}:10.4.0.1:${port}`]),
      alias,
    ],
  };
}
