import { spawnChild } from "./child-transport.ts";
import type { Transport } from "./transport.ts";

/** Runs the command on this machine, by the `sh` on PATH: for tests and demonstrations, and for trying a program. */
export function localTransport(): Transport {
  return {
    description: "this machine",
    spawn: (command) => spawnChild("sh", ["-c", command], { ownSession: true }),
  };
}
