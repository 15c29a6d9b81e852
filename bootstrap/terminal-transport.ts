/**
 * A terminal there, in the shape of any other transport, so that launch() need not know of it. A terminal echoes, edits
 * lines and changes line ends; so the command makes it a plain pipe first, says so, and only then are bytes sent. Whoever
 * runs there makes it a terminal again (agent-src/terminal-main.ts in this project).
 */
import { randomBytes } from "node:crypto";
import { PassThrough } from "node:stream";
import { MarkScanner } from "./mark-scanner.ts";
import { MARK_CHARS } from "./stage-texts.ts";
import type { TerminalProcess, TerminalSize, Transport, TransportProcess } from "./transport.ts";

const QUOTED = "sh -c '";

export interface TerminalTransport extends Transport {
  /** Tells the terminal of what was spawned last. */
  resize(size: TerminalSize): void;
}

/** Undefined for a transport that has no terminals. */
export function terminalTransport(transport: Transport, size: TerminalSize): TerminalTransport | undefined {
  if (transport.spawnOnTerminal === undefined) return undefined;
  let spawned: TerminalProcess | undefined;
  return {
    description: transport.description,
    spawn(command) {
      const mark = randomBytes(MARK_CHARS / 2).toString("hex");
      spawned = transport.spawnOnTerminal?.(rawCommand(mark, size, command), size);
      if (spawned === undefined) throw new TypeError("a transport has terminals or has none");
      return gated(spawned, mark);
    },
    resize: (next) => void spawned?.resize(next),
  };
}

/**
 * Within the quotes of stage 0's command (stage0.ts), which every login shell accepts. The size is for a terminal whose
 * other end could not say one. Without stty there, the status is that of a stdin that cannot be read.
 */
function rawCommand(mark: string, { rows, columns }: TerminalSize, command: string): string {
  if (!command.startsWith(QUOTED)) throw new RangeError(`Cannot run ${command} on a terminal: not stage 0`);
  const raw = `stty raw -echo rows ${rows} cols ${columns}&&echo&&echo ${mark} raw`;
  return `${QUOTED}${raw}&&${command.slice(QUOTED.length)}`;
}

/** Lets nothing in before the mark has come out, which is left out. */
function gated(far: TransportProcess, mark: string): TransportProcess {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const scanner = new MarkScanner(mark, "raw");
  const look = (chunk: Buffer): void => {
    const scan = scanner.push(chunk);
    if (scan.type === "more") return;
    far.stdout.off("data", look);
    if (scan.type === "found") {
      stdout.write(scan.noise);
      stdout.write(scan.rest);
      stdin.pipe(far.stdin);
    } else stdout.write(scanner.noise);
    far.stdout.pipe(stdout);
  };
  far.stdout.on("data", look);
  far.stdout.once("end", () => {
    // Ended before its mark: what it said is all there is to say.
    if (far.stdout.listeners("data").includes(look)) stdout.write(scanner.noise);
    stdout.end();
  });
  far.stdin.on("error", () => undefined);
  far.stdin.once("close", () => stdin.destroy());
  stdout.once("close", () => far.stdout.destroy());
  return { ...far, stdin, stdout };
}
