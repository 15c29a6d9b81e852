/** Whether a program, by what its file says, can run on a machine of which stage 0 has told. */
import type { ByteSource } from "./byte-source.ts";
import { ExecutableError, readElf } from "./elf.ts";
import type { ElfDemands } from "./elf.ts";
import { readMachO } from "./mach-o.ts";
import type { RuntimeTarget } from "../runtime-provider.ts";

export interface Executable {
  /** As process.platform and process.arch have it. */
  readonly platform: string;
  readonly arch: string;
  /** "static": it brings its own. */
  readonly libc: "glibc" | "musl" | "static" | undefined;
  /** Oldest that will do: "2.28". Of glibc only, since musl has no versions of symbols. */
  readonly libcVersion: string | undefined;
  readonly loader: string | undefined;
  /** Beside what every machine with that libc has. */
  readonly libraries: readonly string[];
}

/** e_machine to process.arch, by width. Source: Linux, include/uapi/linux/elf-em.h. */
const ELF_ARCHES: Readonly<Record<32 | 64, Readonly<Record<number, string>>>> = {
  32: { 3: "ia32", 8: "mipsel", 40: "arm" },
  64: { 21: "ppc64", 22: "s390x", 62: "x64", 183: "arm64", 243: "riscv64", 258: "loong64" },
};
/** cputype to process.arch. Source: mach/machine.h. */
const MACH_ARCHES: Readonly<Record<number, string>> = { 0x01000007: "x64", 0x0100000c: "arm64" };

/** What comes with the libc's own package; some are stubs since 2.34, some were never apart in musl. */
const LIBC_LIBRARY = /^(ld-.*|ld64|lib(c|m|dl|pthread|rt|util|resolv|anl|c\.musl-\w+))\.so(\.\d+)?$/;
const SYSTEM_DYLIB = /^\/(usr\/lib|System)\//;

/**
 * @throws ExecutableError with what the file is instead.
 */
export function readExecutable(source: ByteSource): Executable {
  const elf = readElf(source);
  if (elf !== undefined) return fromElf(elf);
  const mach = readMachO(source);
  if (mach === undefined) throw new ExecutableError("it is neither an ELF nor a Mach-O executable");
  return {
    platform: "darwin",
    arch: MACH_ARCHES[mach.cpuType] ?? `CPU type ${mach.cpuType}`,
    libc: undefined,
    libcVersion: undefined,
    loader: undefined,
    libraries: mach.libraries.filter((path) => !SYSTEM_DYLIB.test(path)),
  };
}

function fromElf(elf: ElfDemands): Executable {
  const platform = { 0: "linux", 3: "linux", 9: "freebsd" }[elf.osAbi] ?? `OS ABI ${elf.osAbi}`;
  return {
    platform,
    arch: ELF_ARCHES[elf.wordBits][elf.machine] ?? `machine ${elf.machine}`,
    libc: platform === "linux" ? libcOf(elf.loader) : undefined,
    libcVersion: newestGlibc(elf.versions),
    loader: elf.loader,
    libraries: elf.libraries.filter((name) => !LIBC_LIBRARY.test(name)),
  };
}

function libcOf(loader: string | undefined): Executable["libc"] {
  if (loader === undefined) return "static";
  const name = loader.slice(loader.lastIndexOf("/") + 1);
  if (name.startsWith("ld-musl-")) return "musl";
  return /^(ld-linux|ld64\.so|ld\.so)/.test(name) ? "glibc" : undefined;
}

function newestGlibc(versions: readonly string[]): string | undefined {
  return versions
    .flatMap((name) => {
      // Relocations in the form that the loader reads since then are no symbol, yet a version.
      if (name === "GLIBC_ABI_DT_RELR") return ["2.36"];
      const version = /^GLIBC_(\d+(\.\d+)+)$/.exec(name)?.[1];
      return version === undefined ? [] : [version];
    })
    .toSorted(compareVersions)
    .at(-1);
}

/** Orders "2.9" before "2.17" before "2.17.1". */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(".").map(Number));
  for (let index = 0; index < Math.max(left?.length ?? 0, right?.length ?? 0); index++) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Why the program cannot run there, for people: "it needs glibc 2.28, there is 2.17"; undefined if it can. Libraries
 * are not looked at, since nobody knows which are there.
 * @param sure also refuse what is not known of the machine.
 */
export function misfit(program: Executable, target: RuntimeTarget, sure: boolean): string | undefined {
  const [is, there] = [`${program.platform}-${program.arch}`, `${target.platform}-${target.arch}`];
  if (is !== there) return `it is for ${is}`;
  if (program.libc === "static" || program.platform !== "linux") return undefined;
  if (program.libc === undefined) return `its loader is ${program.loader}`;
  if (program.loader !== undefined && !/^\/lib\w*\/[^/]+$/.test(program.loader)) {
    return `its loader is ${program.loader}, which other machines do not have`;
  }
  if (target.libc === undefined)
    return sure ? `it needs ${program.libc}, and which libc is there is unknown` : undefined;
  if (program.libc !== target.libc) return `it is for ${program.libc}`;
  if (program.libcVersion === undefined) return undefined;
  if (target.libcVersion === undefined) {
    return sure
      ? `it needs ${program.libc} ${program.libcVersion}, and which is there is unknown`
      : undefined;
  }
  if (compareVersions(program.libcVersion, target.libcVersion) <= 0) return undefined;
  return `it needs ${program.libc} ${program.libcVersion}, there is ${target.libcVersion}`;
}
