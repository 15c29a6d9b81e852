/** The files of known_hosts: read as a whole, grown by a line at a time. */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { parseKnownHosts } from "./known-hosts.ts";
import type { KnownHost } from "./known-hosts.ts";

const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
const NEWLINE = 0x0a;

/** The entries of all files in their order; what is absent or cannot be read has none. */
export function readKnownHosts(files: readonly string[]): KnownHost[] {
  return files.flatMap((file) => {
    try {
      return parseKnownHosts({ file, text: readFileSync(file, "utf8") });
    } catch {
      return [];
    }
  });
}

/**
 * Adds a line. It is one write at the end of the file, so that several that come at the same time stay whole.
 * @throws the system's error.
 */
export function appendKnownHost(file: string, line: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: PRIVATE_FOLDER });
  const descriptor = openSync(file, "a+", PRIVATE_FILE);
  try {
    const { size } = fstatSync(descriptor);
    const last = Buffer.alloc(1, NEWLINE);
    if (size > 0) readSync(descriptor, last, 0, 1, size - 1);
    // An editor may have left the last line without an end.
    writeSync(descriptor, last[0] === NEWLINE ? line : `\n${line}`);
  } finally {
    closeSync(descriptor);
  }
}
