/** What the user reads on stderr, one line an entry. Text of the far side is made harmless for the terminal. */

import { printable } from "../bundler/printable.ts";

/** 0: what one must know; 1 (-v): connections; 2: rules, and what the agent says; 3: everything. */
export type LogLevel = 0 | 1 | 2 | 3;

export interface Log {
  (level: LogLevel, text: string): void;
  /** Entries above that level are not printed, so their texts need not be made; absent: all are. */
  readonly verbosity?: number;
}

/** A log that prints entries up to the given level. */
export function createLog(verbosity: number, write: (line: string) => void = writeStderr): Log {
  const log = (level: LogLevel, text: string): void => {
    if (level > verbosity) return;
    for (const line of text.trimEnd().split("\n")) write(`sshuttle: ${printable(line)}\n`);
  };
  return Object.assign(log, { verbosity });
}

/** Whether an entry of that level would be printed. */
export function isLogged(log: Log, level: LogLevel): boolean {
  return level <= (log.verbosity ?? Infinity);
}

function writeStderr(line: string): void {
  process.stderr.write(line);
}
