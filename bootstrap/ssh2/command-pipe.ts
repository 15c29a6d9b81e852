/** A ProxyCommand: a process of this machine in place of a socket. */
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { Duplex } from "node:stream";

/** How long a command may take to end that has closed its output. */
const LAST_WORDS_MS = 1000;

/**
 * stdin and stdout of the command as one stream, which closes when the command has ended; and the command ends with
 * the stream. Duplex.from() does not promise the first: ended on both sides it may stay open.
 */
export class CommandPipe extends Duplex {
  private readonly child: ChildProcessWithoutNullStreams;

  /** By the user's shell, as ssh runs it. `say` gets the lines of its stderr. */
  constructor(command: string, say: (line: string) => void) {
    super();
    this.child = spawn(process.env["SHELL"] || "/bin/sh", ["-c", `exec ${command}`], { stdio: "pipe" });
    const { stdin, stdout, stderr } = this.child;
    // A command that has ended is told of by its end.
    stdin.on("error", () => undefined);
    stdout.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) stdout.pause();
    });
    // The end is told when the command has ended, so that its last words on stderr come first, but in any case.
    let timer: NodeJS.Timeout | undefined;
    stdout.once("end", () => (timer = setTimeout(() => this.push(null), LAST_WORDS_MS)));
    stderr.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.split(/\r?\n/)) if (line !== "") say(line);
    });
    this.child.once("error", (error) => this.destroy(error));
    this.child.once("close", () => {
      clearTimeout(timer);
      this.push(null);
      if (this.readableEnded) this.destroy();
      // What it said last is still to be read.
      else this.once("end", () => this.destroy());
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  override _read(): void {
    this.child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    // Without an error: who reads no more says why on the other side, which may not have been read yet.
    this.child.stdin.write(chunk, () => callback());
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.child.stdin.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.child.kill("SIGTERM");
    callback(error);
  }
}
