/**
 * Reads a tar as archive.ts writes it, and no other: plain files, ustar headers, names of up to 100 bytes,
 * and in all other fields what the writer says. So no link, no folder, no owner and no long name gets past.
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

const NAME_END = 100;
const SIZE_START = 124;
const SIZE_END = 136;
const CHECKSUM_START = 148;
const CHECKSUM_END = 156;

/** What a header says but for name, size and checksum: mode 644, of nobody, of 1970, a plain file, no link. */
const FIXED_FIELDS: readonly (readonly [at: number, text: string])[] = [
  [100, "000644 "],
  [108, "000000 "],
  [116, "000000 "],
  [136, "00000000000 "],
  [156, "0"],
  [257, "ustar"],
  [263, "00"],
  [329, "000000 "],
  [337, "000000 "],
];

const FIXED: Buffer = Buffer.alloc(BLOCK_BYTES);
for (const [at, text] of FIXED_FIELDS) FIXED.write(text, at, "latin1");

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
  const name = header.toString("latin1", 0, NAME_END).replace(/\0+$/, "");
  const size = /^([0-7]{11}) $/.exec(header.toString("latin1", SIZE_START, SIZE_END))?.[1];
  if (size === undefined || !fixedFields(header).equals(FIXED)) {
    throw damaged(offset, `"${name}" is not a plain file as a bundle has them`);
  }
  const start = offset + BLOCK_BYTES;
  const end = start + Number.parseInt(size, 8);
  if (end > archive.length) {
    throw damaged(offset, `"${name}" has ${end - start} bytes, ${archive.length - start} are left`);
  }
  return { name, offset, contents: archive.subarray(start, end) };
}

function fixedFields(header: Buffer): Buffer {
  return Buffer.from(header)
    .fill(0, 0, NAME_END)
    .fill(0, SIZE_START, SIZE_END)
    .fill(0, CHECKSUM_START, CHECKSUM_END);
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
