/**
 * Reads a tar as archive.ts writes it, and no other: plain files, ustar headers, names of up to 100 bytes.
 *
 * The tunnel reads its agent at every start. Loading tar-stream for it took 14 to 16 ms, this takes none;
 * and a reader for one writer can refuse what a general one has to tolerate.
 *
 *   0: 100 name, NUL-padded    124: 12 size, octal    148: 8 checksum    156: 1 type, "0" for a file
 *
 * The contents follow in blocks of 512 bytes, padded with NUL; two blocks of NUL end the archive.
 * Source: POSIX.1-2017, pax, "ustar Interchange Format".
 */
import { BundleError } from "./errors.ts";

export const BLOCK_BYTES = 512;

/** Blocks of NUL at the end. */
export const END_BYTES: number = 2 * BLOCK_BYTES;

const CHECKSUM_START = 148;
const CHECKSUM_END = 156;

export interface TarEntry {
  readonly name: string;
  /** Where its header starts. */
  readonly offset: number;
  readonly contents: Uint8Array;
}

/** @throws BundleError "bundle-damaged" naming the offset. */
export function readTar(bytes: Uint8Array): TarEntry[] {
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries: TarEntry[] = [];
  let offset = 0;
  while (archive[offset] !== 0) {
    const entry = readEntry(archive, offset);
    entries.push(entry);
    const start = offset + BLOCK_BYTES + entry.contents.length;
    offset = Math.ceil(start / BLOCK_BYTES) * BLOCK_BYTES;
    if (!isNul(archive.subarray(start, offset))) throw damaged(start, "padding expected");
  }
  const rest = archive.subarray(offset);
  if (rest.length !== END_BYTES || !isNul(rest)) throw damaged(offset, `${END_BYTES} bytes of NUL expected`);
  return entries;
}

function readEntry(archive: Buffer, offset: number): TarEntry {
  const header = archive.subarray(offset, offset + BLOCK_BYTES);
  if (header.length < BLOCK_BYTES) throw damaged(offset, "it ends where a file should begin");
  const checksum = `${sumOf(header).toString(8).padStart(6, "0")} \0`;
  if (header.toString("latin1", CHECKSUM_START, CHECKSUM_END) !== checksum) {
    throw damaged(offset, "the checksum of a file's header does not match");
  }
  const name = header.toString("latin1", 0, 100).replace(/\0+$/, "");
  const size = /^([0-7]{11}) $/.exec(header.toString("latin1", 124, 136))?.[1];
  if (header.toString("latin1", 156, 157) !== "0" || size === undefined) {
    throw damaged(offset, `"${name}" is not a plain file`);
  }
  const start = offset + BLOCK_BYTES;
  const end = start + Number.parseInt(size, 8);
  if (end > archive.length) {
    throw damaged(offset, `"${name}" has ${end - start} bytes, ${archive.length - start} are left`);
  }
  return { name, offset, contents: archive.subarray(start, end) };
}

/** The sum of a header's bytes, those of the checksum counted as spaces. */
function sumOf(header: Buffer): number {
  let sum = " ".charCodeAt(0) * (CHECKSUM_END - CHECKSUM_START);
  for (let at = 0; at < CHECKSUM_START; at++) sum += header[at] ?? 0;
  for (let at = CHECKSUM_END; at < header.length; at++) sum += header[at] ?? 0;
  return sum;
}

function isNul(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function damaged(offset: number, what: string): BundleError {
  return new BundleError("bundle-damaged", `Cannot read the archive at byte ${offset}: ${what}`);
}
