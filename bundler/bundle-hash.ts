import { createHash } from "node:crypto";
import type { BundledModule } from "./format.ts";

/** Changes when the meaning of the hashed text does, so that no two versions share a hash. */
const HASH_VERSION = "sshuttle-bundle-1";

/** Hex sha256 over what is executed. The order of modules, their compression and maps do not count. */
export function hashBundle(
  entry: string,
  modules: readonly Pick<BundledModule, "filename" | "imports" | "sha256">[],
): string {
  const parts = modules
    .map(({ filename, imports, sha256 }) => {
      const edges = imports.map((edge) => [edge.specifier, edge.filename ?? null, edge.kind]);
      return JSON.stringify([filename, sha256, edges]);
    })
    .toSorted();
  return sha256Hex(Buffer.from([HASH_VERSION, JSON.stringify(entry), ...parts].join("\n")));
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
