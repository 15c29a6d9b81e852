/** Entry of what is uploaded: the agent over stdin and stdout. Its one argument is `AgentOptions` as JSON. */
import { addMaps } from "sshuttle:loader";
import type { Writable } from "stream";
import { runAgent } from "./agent.ts";

/** A pipe that nobody reads must not keep the process: what is not written by then is lost, ms. */
const FLUSH_MS = 1000;

const exit = (): never => process.exit(0);

/** As later runtimes have it: Node 8's own types know no write of a Uint8Array, which it takes. */
declare const process: NodeJS.Process & { readonly stdout: Writable };

runAgent(
  {
    input: process.stdin,
    output: process.stdout,
    addMaps,
    log: (line) => void process.stderr.write(`${line}\n`),
    ended() {
      setTimeout(exit, FLUSH_MS);
      process.stdout.write("", exit);
    },
  },
  JSON.parse(process.argv[2] || "{}"),
);
