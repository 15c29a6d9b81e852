/** Writes ELF programs that have nothing but demands, for the reader to find them. */

export interface ElfProgram {
  readonly machine: number;
  readonly wide: boolean;
  readonly little: boolean;
  readonly osAbi: number;
  readonly loader: string | undefined;
  readonly libraries: readonly string[];
  /** Library to the versions of it. */
  readonly versions: readonly (readonly [library: string, versions: readonly string[]])[];
  /** Text behind everything else. */
  readonly text?: string;
}

const BASE = 0x400000;

export function writeElf(program: ElfProgram): Buffer {
  const { wide, little } = program;
  const [headerBytes, segmentBytes, wordBytes] = wide ? [64, 56, 8] : [52, 32, 4];
  const strings = new Strings();
  const needed = program.libraries.map((name) => strings.add(name));
  const versionNeed = encodeVersions(program, strings);
  const segments = program.loader === undefined ? 2 : 3;
  const loaderAt = headerBytes + segments * segmentBytes;
  const loader = Buffer.from(program.loader === undefined ? "" : `${program.loader}\0`);
  const stringsAt = loaderAt + loader.length;
  const versionsAt = stringsAt + strings.bytes().length;
  const dynamicAt = versionsAt + versionNeed.length;
  const entries: [number, number][] = [
    ...needed.map((at): [number, number] => [1, at]),
    [5, BASE + stringsAt],
    ...(program.versions.length === 0
      ? []
      : ([
          [0x6ffffffe, BASE + versionsAt],
          [0x6fffffff, program.versions.length],
        ] satisfies [number, number][])),
    [0, 0],
  ];
  const word = (value: number): Buffer => number(value, wordBytes, little);
  const half = (value: number): Buffer => number(value, 2, little);
  const dynamic = Buffer.concat(entries.flatMap(([tag, value]) => [word(tag), word(value)]));
  const text = Buffer.from(program.text ?? "");
  const size = dynamicAt + dynamic.length + text.length;
  const segment = (type: number, at: number, bytes: number): Buffer => {
    const flags = number(5, 4, little);
    const places = [at, BASE + at, BASE + at, bytes, bytes].map(word);
    return wide
      ? Buffer.concat([number(type, 4, little), flags, ...places, word(1)])
      : Buffer.concat([number(type, 4, little), ...places, flags, word(1)]);
  };
  return Buffer.concat([
    Buffer.from([
      0x7f,
      0x45,
      0x4c,
      0x46,
      wide ? 2 : 1,
      little ? 1 : 2,
      1,
      program.osAbi,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ]),
    half(2),
    half(program.machine),
    number(1, 4, little),
    word(BASE),
    word(headerBytes),
    word(0),
    number(0, 4, little),
    ...[headerBytes, segmentBytes, segments, 0, 0, 0].map(half),
    segment(1, 0, size),
    ...(program.loader === undefined ? [] : [segment(3, loaderAt, loader.length)]),
    segment(2, dynamicAt, dynamic.length),
    loader,
    strings.bytes(),
    versionNeed,
    dynamic,
    text,
  ]);
}

/** A Linux program for x64, as far as it is not told otherwise. */
export function linuxProgram(over: Partial<ElfProgram> = {}): Buffer {
  return writeElf({
    machine: 62,
    wide: true,
    little: true,
    osAbi: 0,
    loader: "/lib64/ld-linux-x86-64.so.2",
    libraries: ["libc.so.6"],
    versions: [["libc.so.6", ["GLIBC_2.17"]]],
    ...over,
  });
}

function encodeVersions({ versions, little }: ElfProgram, strings: Strings): Buffer {
  const last = versions.length - 1;
  return Buffer.concat(
    versions.flatMap(([library, names], index) => [
      number(1, 2, little),
      number(names.length, 2, little),
      number(strings.add(library), 4, little),
      number(16, 4, little),
      number(index === last ? 0 : 16 + 16 * names.length, 4, little),
      ...names.flatMap((name, place) => [
        number(0, 4, little),
        number(0, 2, little),
        number(2 + place, 2, little),
        number(strings.add(name), 4, little),
        number(place === names.length - 1 ? 0 : 16, 4, little),
      ]),
    ]),
  );
}

class Strings {
  private text = "\0";

  add(name: string): number {
    const at = this.text.length;
    this.text += `${name}\0`;
    return at;
  }

  bytes(): Buffer {
    return Buffer.from(this.text, "latin1");
  }
}

function number(value: number, bytes: number, little: boolean): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) {
    if (little) buffer.writeBigUInt64LE(BigInt(value));
    else buffer.writeBigUInt64BE(BigInt(value));
  } else if (little) buffer.writeUIntLE(value, 0, bytes);
  else buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}
