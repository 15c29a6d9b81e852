/**
 * Whether this machine's CPU has instructions for AES-GCM: for AES itself and for the multiplication without carry.
 * Without them chacha20-poly1305, OpenSSH's first choice, is the faster one.
 */
import { closeSync, openSync, readSync } from "node:fs";

const CPUINFO = "/proc/cpuinfo";
/** Of the file: more than one processor's part, and the kernel makes no more of it than is read. */
const CPUINFO_BYTES = 8192;

/** Undefined where it cannot be told. */
export function cpuHasAes(): boolean | undefined {
  return judgeAes(process.platform, readCpuinfo);
}

/** @param cpuinfo makes the beginning of Linux's /proc/cpuinfo, which is empty where there is none. */
export function judgeAes(platform: NodeJS.Platform, cpuinfo: () => string): boolean | undefined {
  switch (platform) {
    case "darwin":
      // Apple's own all have them, and so have the Intel processors of the Macs that macOS 10.15 supports, the oldest
      // one for Node 20: Ivy Bridge and later.
      return true;
    case "linux":
      return parseCpuinfo(cpuinfo());
    default:
      return undefined;
  }
}

/**
 * Undefined for an architecture that words it otherwise. Source: Linux, arch/x86/kernel/cpu/proc.c ("flags"),
 * arch/arm64/kernel/cpuinfo.c and arch/arm/kernel/setup.c ("Features").
 */
export function parseCpuinfo(text: string): boolean | undefined {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1];
  if (line === undefined) return undefined;
  const words = line.trim().split(/\s+/);
  return words.includes("aes") && (words.includes("pclmulqdq") || words.includes("pmull"));
}

function readCpuinfo(): string {
  try {
    const descriptor = openSync(CPUINFO, "r");
    try {
      const bytes = Buffer.alloc(CPUINFO_BYTES);
      return bytes.toString("latin1", 0, readSync(descriptor, bytes));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return "";
  }
}
