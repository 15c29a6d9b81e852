/**
 * What a Mach-O program demands: processor and libraries. Only the 64-bit, little-endian form, which is what every
 * Mac since 2006 runs; a universal file has several and is told from garbage, not read.
 * Source: mach-o/loader.h and mach-o/fat.h of Apple's cctools.
 */
import type { ByteSource } from "./byte-source.ts";
import { ExecutableError } from "./elf.ts";

export interface MachODemands {
  readonly cpuType: number;
  /** Paths of LC_LOAD_DYLIB, in the file's order. */
  readonly libraries: readonly string[];
}

const MAGIC_64 = 0xfeedfacf;
const MAGIC_UNIVERSAL = 0xcafebabe;
const HEADER_BYTES = 32;
const LOAD_DYLIB = 0xc;
/** node's have 3 KiB. */
const MAX_COMMANDS_BYTES = 65_536;

/**
 * Reads the demands of a Mach-O program; undefined if the bytes do not begin as one.
 * @throws ExecutableError for one that is universal, cut short or damaged.
 */
export function readMachO(source: ByteSource): MachODemands | undefined {
  const header = viewOf(source.read(0, HEADER_BYTES));
  if (header.byteLength < HEADER_BYTES) return undefined;
  if (header.getUint32(0) === MAGIC_UNIVERSAL) {
    throw new ExecutableError("it is a universal binary; lipo -thin makes one for one processor of it");
  }
  if (header.getUint32(0, true) !== MAGIC_64) return undefined;
  const count = header.getUint32(16, true);
  const commandsBytes = header.getUint32(20, true);
  if (commandsBytes > MAX_COMMANDS_BYTES) {
    throw new ExecutableError(`its load commands have ${commandsBytes} bytes, at most ${MAX_COMMANDS_BYTES}`);
  }
  const commands = source.read(HEADER_BYTES, commandsBytes);
  if (commands.length < commandsBytes) throw new ExecutableError("it ends within its load commands");
  return { cpuType: header.getUint32(4, true), libraries: readLibraries(commands, count) };
}

//   each command:  0: 4 command   4: 4 bytes, a multiple of 8   of LC_LOAD_DYLIB  8: 4 offset of the name in the command
function readLibraries(commands: Uint8Array, count: number): string[] {
  const view = viewOf(commands);
  const libraries: string[] = [];
  let at = 0;
  for (let left = count; left > 0; left--) {
    if (at + 8 > commands.length) throw new ExecutableError("it has fewer load commands than it says");
    const bytes = view.getUint32(at + 4, true);
    if (bytes < 8 || at + bytes > commands.length) {
      throw new ExecutableError(`a load command has ${bytes} bytes, ${commands.length - at} are left`);
    }
    if (view.getUint32(at, true) === LOAD_DYLIB && bytes >= 12) {
      const name = commands.subarray(at + Math.min(bytes, view.getUint32(at + 8, true)), at + bytes);
      const end = name.indexOf(0);
      libraries.push(Buffer.from(end < 0 ? name : name.subarray(0, end)).toString("latin1"));
    }
    at += bytes;
  }
  return libraries;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
