/** Entry of what is uploaded: the agent over stdin and stdout. Its one argument is `AgentOptions` as JSON. */
import { addMaps, fetchBy } from "sshuttle:loader";
import { runAgent } from "./agent.ts";

/** A pipe that nobody reads must not keep the process: what is not written by then is lost, ms. */
const FLUSH_MS = 1000;

const exit = (): never => process.exit(0);

runAgent(
  {
    input: process.stdin,
    output: process.stdout,
    addMaps,
    fetchBy,
    log: (line) => void process.stderr.write(`${line}\n`),
    ended() {
      setTimeout(exit, FLUSH_MS);
      process.stdout.end(exit);
    },
  },
  JSON.parse(process.argv[2] || "{}"),
);
