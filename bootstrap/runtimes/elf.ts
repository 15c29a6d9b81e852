/**
 * What an ELF program demands of the machine it starts on: processor, loader, libraries, versions of their symbols.
 *
 * It is all in the program headers and the dynamic section, since the loader reads nothing else; section headers
 * may have been stripped. Every offset and count of the file is checked before it is used.
 * Source: System V gABI 4.1, chapters 4 and 5; LSB Core 5.0, 10.7 "Symbol Versioning".
 */
import type { ByteSource } from "./byte-source.ts";

/** The bytes are no executable that can be read; the message has what is wrong with them, not with which file. */
export class ExecutableError extends Error {}

export interface ElfDemands {
  /** e_machine. */
  readonly machine: number;
  readonly wordBits: 32 | 64;
  /** EI_OSABI: 0 and 3 on Linux, 9 on FreeBSD. */
  readonly osAbi: number;
  /** Path of the loader; undefined for a program that is linked statically. */
  readonly loader: string | undefined;
  /** DT_NEEDED, in the file's order. */
  readonly libraries: readonly string[];
  /** Names such as "GLIBC_2.28" or "GLIBCXX_3.4.21". */
  readonly versions: readonly string[];
}

const MAGIC = 0x7f454c46;
const Segment = { Load: 1, Dynamic: 2, Interpreter: 3 } as const;
const Tag = {
  End: 0,
  Needed: 1,
  Strings: 5,
  VersionNeed: 0x6ffffffe,
  VersionNeedCount: 0x6fffffff,
} as const;

/** Programs have about ten segments, and node a dynamic section of 600 bytes: these leave room, and bound the work. */
const MAX_SEGMENTS = 256;
const MAX_DYNAMIC_BYTES = 65_536;
/** Libraries with versions, and versions of one library. libc.so.6 alone has some 40 in use. */
const MAX_VERSIONS = 1024;
/** Of a library's, version's or loader's name. PATH_MAX of Linux. */
const MAX_NAME_BYTES = 4096;

interface Header {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly bytes: number;
}

/**
 * Reads the demands of an ELF program; undefined if the bytes do not begin as one.
 * @throws ExecutableError for one that is cut short or damaged.
 */
export function readElf(source: ByteSource): ElfDemands | undefined {
  const ident = source.read(0, 16);
  if (ident.length < 16 || viewOf(ident).getUint32(0) !== MAGIC) return undefined;
  const [wordSize, byteOrder] = [ident[4], ident[5]];
  if (wordSize !== 1 && wordSize !== 2)
    throw new ExecutableError(`its class is ${wordSize}, allowed are 1 and 2`);
  if (byteOrder !== 1 && byteOrder !== 2) {
    throw new ExecutableError(`its byte order is ${byteOrder}, allowed are 1 and 2`);
  }
  const file = new ElfFile(source, wordSize === 2, byteOrder === 1);
  return {
    machine: file.machine,
    wordBits: wordSize === 2 ? 64 : 32,
    osAbi: ident[7] ?? 0,
    loader: file.loader(),
    ...file.dynamic(),
  };
}

class ElfFile {
  readonly machine: number;
  private readonly source: ByteSource;
  private readonly wide: boolean;
  private readonly little: boolean;
  private readonly segments: readonly Header[];

  constructor(source: ByteSource, wide: boolean, little: boolean) {
    this.source = source;
    this.wide = wide;
    this.little = little;
    const header = this.view(0, wide ? 64 : 52);
    this.machine = header.getUint16(18, little);
    const start = this.word(header, wide ? 32 : 28);
    const entryBytes = header.getUint16(wide ? 54 : 42, little);
    const count = header.getUint16(wide ? 56 : 44, little);
    if (count > MAX_SEGMENTS) throw new ExecutableError(`it has ${count} segments, at most ${MAX_SEGMENTS}`);
    if (count > 0 && entryBytes < (wide ? 56 : 32)) {
      throw new ExecutableError(`its program headers have ${entryBytes} bytes each`);
    }
    const table = this.view(start, count * entryBytes);
    this.segments = Array.from({ length: count }, (_, index) => this.segment(table, index * entryBytes));
  }

  loader(): string | undefined {
    const interpreter = this.segments.find(({ type }) => type === Segment.Interpreter);
    return interpreter === undefined ? undefined : this.name(interpreter.offset);
  }

  dynamic(): { readonly libraries: readonly string[]; readonly versions: readonly string[] } {
    const segment = this.segments.find(({ type }) => type === Segment.Dynamic);
    if (segment === undefined) return { libraries: [], versions: [] };
    const entries = this.dynamicEntries(segment);
    const first = (wanted: number): number | undefined => entries.find(({ tag }) => tag === wanted)?.value;
    const stringsAddress = first(Tag.Strings);
    if (stringsAddress === undefined) throw new ExecutableError("its dynamic section names no string table");
    const strings = this.offsetOf(stringsAddress);
    const needed = entries.filter(({ tag }) => tag === Tag.Needed);
    const versionNeed = first(Tag.VersionNeed);
    return {
      libraries: needed.map(({ value }) => this.name(strings + value)),
      versions:
        versionNeed === undefined
          ? []
          : this.versions(this.offsetOf(versionNeed), first(Tag.VersionNeedCount) ?? 0, strings),
    };
  }

  //   Verneed:  0: 2 version (1)   2: 2 count of Vernaux   4: 4 file   8: 4 to the first Vernaux   12: 4 to the next
  //   Vernaux:  0: 4 hash   4: 2 flags   6: 2 index   8: 4 name   12: 4 to the next
  private versions(start: number, count: number, strings: number): string[] {
    const names: string[] = [];
    let library = start;
    for (let left = bounded(count); left > 0; left--) {
      const need = this.view(library, 16);
      let entry = library + need.getUint32(8, this.little);
      for (let rest = bounded(need.getUint16(2, this.little)); rest > 0; rest--) {
        const aux = this.view(entry, 16);
        names.push(this.name(strings + aux.getUint32(8, this.little)));
        entry += aux.getUint32(12, this.little);
        bounded(names.length);
      }
      library += need.getUint32(12, this.little);
    }
    return names;
  }

  private dynamicEntries(segment: Header): { readonly tag: number; readonly value: number }[] {
    if (segment.bytes > MAX_DYNAMIC_BYTES) {
      throw new ExecutableError(
        `its dynamic section has ${segment.bytes} bytes, at most ${MAX_DYNAMIC_BYTES}`,
      );
    }
    const view = this.view(segment.offset, segment.bytes);
    const entryBytes = this.wide ? 16 : 8;
    const entries = [];
    for (let at = 0; at + entryBytes <= segment.bytes; at += entryBytes) {
      const tag = this.word(view, at);
      if (tag === Tag.End) break;
      entries.push({ tag, value: this.word(view, at + entryBytes / 2) });
    }
    return entries;
  }

  private segment(table: DataView, at: number): Header {
    return {
      type: table.getUint32(at, this.little),
      offset: this.word(table, at + (this.wide ? 8 : 4)),
      address: this.word(table, at + (this.wide ? 16 : 8)),
      bytes: this.word(table, at + (this.wide ? 32 : 16)),
    };
  }

  /** The dynamic section has addresses in memory; what is loaded there says where they are in the file. */
  private offsetOf(address: number): number {
    const segment = this.segments.find(
      ({ type, address: start, bytes }) =>
        type === Segment.Load && address >= start && address < start + bytes,
    );
    if (segment === undefined) throw new ExecutableError(`nothing of it is loaded at address ${address}`);
    return segment.offset + (address - segment.address);
  }

  private name(offset: number): string {
    if (offset >= this.source.size)
      throw new ExecutableError(`a name of it is at offset ${offset}, behind its end`);
    const bytes = this.source.read(offset, Math.min(MAX_NAME_BYTES, this.source.size - offset));
    const end = bytes.indexOf(0);
    if (end < 0) throw new ExecutableError(`the name at offset ${offset} has no end`);
    return Buffer.from(bytes.subarray(0, end)).toString("latin1");
  }

  private view(offset: number, length: number): DataView {
    if (offset + length > this.source.size) {
      throw new ExecutableError(`it has ${this.source.size} bytes, and more than that by its headers`);
    }
    const bytes = this.source.read(offset, length);
    if (bytes.length < length) throw new ExecutableError("it became shorter while it was read");
    return viewOf(bytes);
  }

  /** Beyond 2 ** 53 a number is not exact any more, and certainly not within the file either. */
  private word(view: DataView, at: number): number {
    return this.wide ? Number(view.getBigUint64(at, this.little)) : view.getUint32(at, this.little);
  }
}

function bounded(count: number): number {
  if (count > MAX_VERSIONS) throw new ExecutableError(`it needs ${count} versions, at most ${MAX_VERSIONS}`);
  return count;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
