/** What the sh of a machine without a runtime says of the machine. */
import type { RuntimeTarget } from "../runtime-provider.ts";

export interface Machine {
  readonly target: RuntimeTarget;
  /** Tools that an upload needs or uses, each tried there on a text of its own. */
  readonly tools: { readonly gzip: boolean; readonly head: boolean; readonly sha256: boolean };
}

/** sha256 of "ok\n". */
const OK_SHA256 = "dc51b8c96c2d745df3bd5590d990230a482fd247123599548e0632fdbf97fc22";

/** For sh: sha256 of its stdin first in a line, by whichever program is there. */
export const SHA256_COMMAND = "{ sha256sum||shasum -a 256||sha256 -q||openssl dgst -sha256 -r;}";

/** For sh, with the mark in $k: defines `say` for all that follows, and says what parseMachine() reads. */
export const MACHINE_SCRIPT: string = [
  // mksh has no printf of its own, and the echo of some shells reads backslashes.
  `say(){ { printf '%s\\n' "$k $*" 2>/dev/null||echo "$k $*";}>&2;}`,
  "l=$(getconf GNU_LIBC_VERSION 2>/dev/null)||l=$(ldd --version 2>&1)||:",
  "z=$(echo ok|gzip -c 2>/dev/null|gzip -dc 2>/dev/null)",
  "c=$(echo okay|head -c 2 2>/dev/null)",
  `h=$(echo ok|${SHA256_COMMAND} 2>/dev/null)`,
  "b=$(getconf LONG_BIT 2>/dev/null)",
  `say "machine $(uname -s)|$(uname -m)|$b|$z|$c|$h|$(echo $l)|$(echo /lib/ld-musl-* /lib*/ld-linux* /lib/*/ld-linux*)"`,
].join(";");

const PLATFORMS: ReadonlyMap<string, string> = new Map([
  ["linux", "linux"],
  ["darwin", "darwin"],
  ["freebsd", "freebsd"],
  ["openbsd", "openbsd"],
  ["netbsd", "netbsd"],
  ["sunos", "sunos"],
]);

/** By what uname -m says, as process.arch has it; the second where the programs there are of 32 bits. */
const ARCHES: readonly (readonly [RegExp, string, string])[] = [
  [/^(x86_64|amd64|i86pc)$/, "x64", "ia32"],
  [/^i[3-6]86$/, "ia32", "ia32"],
  [/^(aarch64|arm64)/, "arm64", "arm"],
  [/^arm/, "arm", "arm"],
  [/^ppc64/, "ppc64", "ppc"],
  [/^s390x$/, "s390x", "s390"],
  [/^riscv64$/, "riscv64", "riscv32"],
  [/^loong/, "loong64", "loong64"],
];

/** Undefined if it is no answer to MACHINE_SCRIPT. A system or a processor that is not known stays as it is called there. */
export function parseMachine(answer: string): Machine | undefined {
  const fields = /^machine (.*)$/.exec(answer)?.[1]?.split("|");
  if (fields?.length !== 8) return undefined;
  const [system = "", processor = "", bits, gzip, head, hash = "", libcText = "", loaders = ""] = fields;
  const arch = ARCHES.find(([pattern]) => pattern.test(processor));
  return {
    target: {
      platform: PLATFORMS.get(system.toLowerCase()) ?? system.slice(0, 32),
      arch: (bits === "32" ? arch?.[2] : arch?.[1]) ?? processor.slice(0, 32),
      ...libcOf(libcText, loaders),
    },
    tools: { gzip: gzip === "ok", head: head === "ok", sha256: hash.startsWith(OK_SHA256) },
  };
}

function libcOf(text: string, loaders: string): Pick<RuntimeTarget, "libc" | "libcVersion"> {
  const glibc = /^glibc (\d+\.\d+)/.exec(text) ?? /^ldd \([^)]*\) (\d+\.\d+)/.exec(text);
  if (glibc !== null) return { libc: "glibc", libcVersion: glibc[1] };
  if (text.startsWith("musl libc"))
    return { libc: "musl", libcVersion: /Version (\d+\.\d+)/.exec(text)?.[1] };
  // What did not match its pattern has come as it stands.
  const files = loaders.split(" ").filter((path) => !path.includes("*"));
  if (files.some((path) => path.includes("ld-linux"))) return { libc: "glibc", libcVersion: undefined };
  if (files.some((path) => path.includes("ld-musl"))) return { libc: "musl", libcVersion: undefined };
  return { libc: undefined, libcVersion: undefined };
}
