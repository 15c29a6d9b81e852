/**
 * Entry of what `sshuttle run` uploads before the program: an agent that runs it. The tunnel's agent (main.ts) pays
 * for none of this. Its one argument is `RunAgentOptions` as JSON.
 */
import { RunService } from "./service/run.ts";
import type { RunOptions } from "./service/run.ts";
import { TellingMux } from "./service/telling-mux.ts";
import { GoAway } from "./wire/codes.ts";
import { Link, monotonicMs } from "./wire/link.ts";
import type { MuxOptions } from "./wire/options.ts";

export interface RunAgentOptions extends RunOptions, MuxOptions {
  /** 0: faults only. 1: how the link ended, and what became of the program then. */
  readonly verbosity?: number | undefined;
}

/** After a link that was lost nobody may be reading: what is not written by then is not missed, ms. */
const FLUSH_MS = 1000;

/** Its channels are five, so what they hold is bounded without more; 42 Mbit/s of stdin over 200 ms. */
const WINDOW_BYTES = 1_048_576;

const options: RunAgentOptions = JSON.parse(process.argv[2] || "{}");
const exit = (): never => process.exit(0);

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

function logMore(line: string): void {
  if (options.verbosity) log(line);
}

const service = new RunService(
  {
    log: logMore,
    fail: (error) => link.goAway(error.code, error.message),
    // The client need not ask for it, which would take another round trip.
    finish: () => link.goAway(GoAway.Normal, "the program has ended"),
  },
  options,
);
const mux = new TellingMux("agent", monotonicMs(), { windowBytes: WINDOW_BYTES, ...options });
mux.onIdle = () => service.handleIdle();
const link = new Link({
  mux,
  input: process.stdin,
  output: process.stdout,
  open: (channel) => service.open(channel),
  ended(end) {
    logMore(`link over: ${end.detail}`);
    service.end(() => {
      // The program's last output may take long over a slow link, and a client that goes away closes our stdin.
      if (end.code === GoAway.Normal) process.stdin.on("end", exit).on("close", exit);
      else setTimeout(exit, FLUSH_MS);
      // Not a write of nothing: Bun calls back before what was written is.
      process.stdout.end(exit);
    });
  },
  fault(error, channel) {
    log(`channel ${channel.id}: ${error instanceof Error ? error.stack || "" : String(error)}`);
  },
});

// Whoever ends this process means the program, too. Its output may have nobody who reads it by then.
for (const name of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
  process.on(name, () => link.goAway(GoAway.Internal, `it was ended by ${name}`));
}
process.stderr.on("error", () => undefined);
