/** Starts the demo's remote host: in a network of its own where this machine allows one, else on loopback. */
import { fork, spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import ssh2 from "ssh2";
import type { FarSideReady, FarSideStart } from "./far-side.ts";
import type { Ssh2Destination } from "./ssh2-transport.ts";

export interface World {
  readonly ssh: Ssh2Destination;
  /** On the far side's loopback. */
  readonly pagePort: number;
  /** Whether the far side's loopback is another than ours. */
  readonly separate: boolean;
  stop(): void;
}

const FAR_SIDE = fileURLToPath(new URL("far-side.js", import.meta.url));
const NAMESPACE = ["--user", "--map-root-user", "--net", "sh", "-c"];
const LOOPBACK_UP = "ip link set lo up";

/** Starts it and waits until its ssh server and its page are up. */
export async function startWorld(): Promise<World> {
  const hostKey = ssh2.utils.generateKeyPairSync("ed25519");
  const userKey = ssh2.utils.generateKeyPairSync("ed25519");
  const separate = spawnSync("unshare", [...NAMESPACE, LOOPBACK_UP]).status === 0;
  const child = separate ? spawnApart() : fork(FAR_SIDE);
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const start: FarSideStart = { hostKey: hostKey.private, userKey: userKey.public };
  child.send(start, listener);
  const [ready] = (await once(child, "message")) as [FarSideReady];
  // The far side has its own copy now; ours would take every other connection.
  listener.close();
  const hostPublic = ssh2.utils.parseKey(hostKey.public);
  if (hostPublic instanceof Error) throw hostPublic;
  return {
    ssh: { port, privateKey: userKey.private, hostKey: hostPublic.getPublicSSH() },
    pagePort: ready.pagePort,
    separate,
    stop: () => {
      child.disconnect();
    },
  };
}

function spawnApart(): ChildProcess {
  const script = `${LOOPBACK_UP} && exec "$0" "$1"`;
  return spawn("unshare", [...NAMESPACE, script, process.execPath, FAR_SIDE], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}
