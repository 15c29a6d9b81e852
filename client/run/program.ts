/** What shall run: a script with all that it imports, or an archive of such. */
import { readFile } from "node:fs/promises";
import { readArchive } from "../../bundler/archive.ts";
import type { Bundle } from "../../bundler/format.ts";
import { ClientError } from "../errors.ts";

/**
 * Bundles a script; of an archive every byte is verified. esbuild is loaded only where there is something to build.
 * @throws BundleError; ClientError "file-read" for an archive that is not there.
 */
export async function readProgram(script: string): Promise<Bundle> {
  if (script.endsWith(".tar")) return readArchive(await readBytes(script));
  const { bundle } = await import("../../bundler/bundle.ts");
  return bundle(script);
}

async function readBytes(file: string): Promise<Uint8Array> {
  return readFile(file).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClientError("file-read", `Cannot read "${file}": ${reason}`, { cause });
  });
}
