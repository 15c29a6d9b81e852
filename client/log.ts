/** What the user reads on stderr, one line an entry. Text of the far side is made harmless for the terminal. */

import { printable } from "../bundler/printable.ts";

/** 0: what one must know; 1 (-v): connections; 2: rules, and what the agent says; 3: everything. */
export type LogLevel = 0 | 1 | 2 | 3;

export type Log = (level: LogLevel, text: string) => void;

/** A log that prints entries up to the given level. */
export function createLog(verbosity: number, write: (line: string) => void = writeStderr): Log {
  return (level, text) => {
    if (level > verbosity) return;
    for (const line of text.trimEnd().split("\n")) write(`sshuttle: ${printable(line)}\n`);
  };
}

function writeStderr(line: string): void {
  process.stderr.write(line);
}
