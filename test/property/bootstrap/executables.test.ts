import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sourceOf } from "../../../bootstrap/runtimes/byte-source.ts";
import { ExecutableError, readElf } from "../../../bootstrap/runtimes/elf.ts";
import { compareVersions, readExecutable } from "../../../bootstrap/runtimes/executable.ts";
import { readMachO } from "../../../bootstrap/runtimes/mach-o.ts";
import { linuxProgram, writeElf } from "../../unit/bootstrap/runtimes/elf-writer.ts";
import type { ElfProgram } from "../../unit/bootstrap/runtimes/elf-writer.ts";

const name = fc.stringMatching(/^[A-Za-z0-9_.+/-]{1,40}$/);
const program: fc.Arbitrary<ElfProgram> = fc.record({
  machine: fc.nat(0xffff),
  wide: fc.boolean(),
  little: fc.boolean(),
  osAbi: fc.nat(255),
  loader: fc.option(name, { nil: undefined }),
  libraries: fc.array(name, { maxLength: 12 }),
  versions: fc.array(fc.tuple(name, fc.array(name, { minLength: 1, maxLength: 12 })), { maxLength: 5 }),
});

/** Reads what may be anything; only errors that say what is wrong with the bytes may come of it. */
function readSafely(bytes: Uint8Array): void {
  try {
    readExecutable(sourceOf(bytes));
  } catch (error) {
    assert.ok(error instanceof ExecutableError, String(error));
  }
}

test("readElf() finds the demands that a program was written with, in every width and byte order", () => {
  fc.assert(
    fc.property(program, (written) => {
      assert.deepEqual(readElf(sourceOf(writeElf(written))), {
        machine: written.machine,
        wordBits: written.wide ? 64 : 32,
        osAbi: written.osAbi,
        loader: written.loader,
        libraries: written.libraries,
        versions: written.versions.flatMap(([, versions]) => versions),
      });
    }),
  );
});

test("a program that is cut short anywhere is refused", () => {
  fc.assert(
    fc.property(program, fc.nat(), (written, seed) => {
      const bytes = writeElf(written);
      const cut = 16 + (seed % (bytes.length - 16));
      assert.throws(() => readElf(sourceOf(bytes.subarray(0, cut))), ExecutableError);
    }),
  );
});

test("bytes that were changed anywhere are read or refused, and nothing else happens", () => {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(program, fc.array(change, { minLength: 1, maxLength: 8 }), (written, changes) => {
      const bytes = writeElf(written);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      readSafely(bytes);
    }),
    { numRuns: 2000 },
  );
});

test("garbage behind the magic of an executable is read or refused, and nothing else happens", () => {
  const magic = fc.constantFrom([0x7f, 0x45, 0x4c, 0x46], [0xcf, 0xfa, 0xed, 0xfe], [0xca, 0xfe, 0xba, 0xbe]);
  fc.assert(
    fc.property(magic, fc.uint8Array({ maxLength: 400 }), (start, rest) => {
      readSafely(Uint8Array.from([...start, ...rest]));
    }),
    { numRuns: 2000 },
  );
});

test("a number of versions beyond the limit is refused before any is read", () => {
  const bytes = linuxProgram({ versions: [["libc.so.6", ["GLIBC_2.2.5", "GLIBC_2.17"]]] });
  const at = bytes.indexOf(Buffer.from([1, 0, 2, 0]), 100);
  bytes.writeUInt16LE(0xffff, at + 2);
  assert.throws(() => readElf(sourceOf(bytes)), /65535 versions, at most 1024/);
});

test("readMachO() finds the libraries that a program was written with", () => {
  fc.assert(
    fc.property(fc.array(name, { maxLength: 6 }), fc.nat(0xffffffff), (libraries, cpuType) => {
      const bytes = writeMachO(libraries, cpuType);
      assert.deepEqual(readMachO(sourceOf(bytes)), { cpuType, libraries });
      const commands = bytes.subarray(0, Math.max(32, bytes.length - 1));
      if (libraries.length > 0) assert.throws(() => readMachO(sourceOf(commands)), ExecutableError);
    }),
  );
});

function writeMachO(libraries: readonly string[], cpuType: number): Buffer {
  const commands = Buffer.concat(
    libraries.map((library) => {
      const command = Buffer.alloc(Math.ceil((24 + library.length + 1) / 8) * 8);
      command.writeUInt32LE(0xc, 0);
      command.writeUInt32LE(command.length, 4);
      command.writeUInt32LE(24, 8);
      command.write(library, 24, "latin1");
      return command;
    }),
  );
  const header = Buffer.alloc(32);
  header.writeUInt32LE(0xfeedfacf, 0);
  header.writeUInt32LE(cpuType, 4);
  header.writeUInt32LE(libraries.length, 16);
  header.writeUInt32LE(commands.length, 20);
  return Buffer.concat([header, commands]);
}

test("compareVersions() orders by numbers, place after place", () => {
  const version = fc.array(fc.nat(400), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(version, version, (a, b) => {
      const padded = [0, 1, 2, 3].map((place) => (a[place] ?? 0) - (b[place] ?? 0));
      const expected = padded.find((difference) => difference !== 0) ?? 0;
      assert.equal(Math.sign(compareVersions(a.join("."), b.join("."))), Math.sign(expected));
    }),
  );
  assert.ok(compareVersions("2.9", "2.17") < 0);
});
