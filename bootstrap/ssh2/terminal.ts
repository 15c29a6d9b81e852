/** A question on the user's terminal, whatever stdin and stdout are. */
import { closeSync, openSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";
import { SecretLine } from "./secret-line.ts";

const TERMINAL = "/dev/tty";

/** Whether there is a terminal to ask on. */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync(TERMINAL, "r+"));
    return true;
  } catch {
    return false;
  }
}

/**
 * The answer, without its line end; undefined at end of file, or when `signal` aborts. Without echo the terminal is
 * in raw mode meanwhile. However it ends, by Ctrl-C too, the terminal is as it was: the mode is put back here, and
 * by Node itself should a signal end the process.
 */
export async function askOnTerminal(
  text: string,
  echo: boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (signal.aborted) return undefined;
  const output = openSync(TERMINAL, "w");
  const input = new ReadStream(openSync(TERMINAL, "r"));
  const ask = (): void => void writeSync(output, text);
  try {
    return await (echo ? readLine(input, signal, ask) : readSecret(input, signal, ask));
  } finally {
    if (!echo) {
      input.setRawMode(false);
      writeSync(output, "\n");
    }
    input.destroy();
    closeSync(output);
  }
}

function readLine(input: ReadStream, signal: AbortSignal, ask: () => void): Promise<string | undefined> {
  const received: Buffer[] = [];
  ask();
  return new Promise((resolve) => {
    listen(input, signal, resolve, (bytes) => {
      received.push(bytes);
      if (bytes.includes(0x0a)) resolve(Buffer.concat(received).toString("utf8").split("\n")[0]);
    });
  });
}

function readSecret(input: ReadStream, signal: AbortSignal, ask: () => void): Promise<string | undefined> {
  const line = new SecretLine();
  // Before the question: an answer may be there at once, and would be shown.
  input.setRawMode(true);
  ask();
  return new Promise((resolve) => {
    listen(input, signal, resolve, (bytes) => {
      const event = line.push(bytes);
      switch (event.kind) {
        case "more":
          return;
        case "line":
          resolve(event.text);
          return;
        case "end":
          resolve(undefined);
          return;
        case "signal":
          // As the terminal does it: to everything in the foreground. Unless handled, the process ends or stops in here.
          input.setRawMode(false);
          process.kill(0, event.signal);
          input.setRawMode(true);
          if (event.signal === "SIGTSTP") ask();
      }
    });
  });
}

function listen(
  input: ReadStream,
  signal: AbortSignal,
  resolve: (answer: undefined) => void,
  take: (bytes: Buffer) => void,
): void {
  const stop = (): void => resolve(undefined);
  signal.addEventListener("abort", stop, { once: true });
  input
    .on("data", take)
    .once("end", stop)
    .once("error", stop)
    .once("close", () => {
      signal.removeEventListener("abort", stop);
    });
}
