/**
 * Entry of what `sshuttle run -t` uploads before the program. The terminal that this is started on is a plain pipe until
 * the program has come over it; then it becomes a terminal again, and the program's: it gets descriptors 0 to 2 as they are. On
 * stdin comes
 *
 *   0: 4      bytes n of a text
 *   4: 4      bytes m of a feed
 *   8: n      the text that the runtime is given to evaluate
 *   8+n: m    for descriptor 3 of the program; nothing may follow before the answer
 *
 * and the answer is one line (terminal-answer.ts). Its exit status is then the program's, or 128 and the number of a signal.
 */
import { spawn, spawnSync } from "child_process";
import { Duplex } from "stream";
import { TERMINAL_ANSWER } from "./wire/terminal-answer.ts";
import { reportOf, runtimeArgs } from "./service/child-runtime.ts";

const HEADER_BYTES = 8;
/** From the terminal's hang-up to the end of a program that did not go by itself, ms. */
const GRACE_MS = 5000;

const pieces: Buffer[] = [];
let bytes = 0;
/** All that comes; at first what is needed to know how much that is. */
let expected = HEADER_BYTES;

function read(piece: Buffer): void {
  pieces.push(piece);
  bytes += piece.length;
  while (bytes >= expected) {
    const all = Buffer.concat(pieces);
    const textEnd = HEADER_BYTES + all.readUInt32BE(0);
    const feedEnd = textEnd + all.readUInt32BE(4);
    if (expected === feedEnd) {
      process.stdin.removeListener("data", read);
      // Not merely paused: it would go on to read, and take from the program what is typed first. Descriptor 0 stays.
      process.stdin.destroy();
      return run(all.toString("utf8", HEADER_BYTES, textEnd), all.slice(textEnd, feedEnd));
    }
    expected = feedEnd;
  }
}

function run(text: string, feed: Buffer): void {
  spawnSync("stty", ["sane"], { stdio: "inherit" });
  process.stdout.write(`${TERMINAL_ANSWER}\n`);
  const child = spawn(process.execPath, runtimeArgs(text), {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
  });
  const streams: unknown[] = Array.from(child.stdio || []);
  const [, , , loader] = streams;
  if (loader instanceof Duplex) {
    loader.on("error", () => undefined);
    loader.resume();
    loader.write(feed);
  }
  child.on("error", (error) => {
    if (child.pid) return;
    process.stderr.write(`sshuttle: Cannot start the program: ${error.message}\n`);
    process.exit(69);
  });
  child.on("exit", (status: number | null, name: string | null) => {
    const report = reportOf(status, name);
    process.exit(
      report.type === "killed" ? 128 + report.number : report.type === "exited" ? report.status : 1,
    );
  });
  // The terminal's keys are for the program: it decides what becomes of us.
  for (const name of ["SIGINT", "SIGQUIT"] as const) process.on(name, () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.on("SIGHUP", () => setTimeout(() => child.kill("SIGKILL"), GRACE_MS));
}

process.stdin.on("data", read);
