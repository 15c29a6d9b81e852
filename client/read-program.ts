/** What a command's ENTRY stands for: a program with all that it imports, or an archive of such. */
import { readFile } from "node:fs/promises";
import { readArchive } from "../bundler/archive.ts";
import { BundleError } from "../bundler/errors.ts";
import type { Bundle } from "../bundler/format.ts";
import { ClientError } from "./errors.ts";

/**
 * Bundles a program; what is named .tar is an archive, of which every byte is verified. esbuild is loaded only
 * where there is something to build.
 * @throws BundleError; ClientError "file-read" for an archive that is not there.
 */
export async function readProgram(entry: string): Promise<Bundle> {
  if (entry.endsWith(".tar")) return readArchiveFile(entry);
  const { bundle } = await import("../bundler/bundle.ts");
  return bundle(entry);
}

async function readArchiveFile(file: string): Promise<Bundle> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClientError("file-read", `Cannot read "${file}": ${reason}`, { cause });
  });
  try {
    return await readArchive(bytes);
  } catch (cause) {
    if (!(cause instanceof BundleError) || cause.code !== "bundle-damaged") throw cause;
    throw new BundleError(cause.code, `Cannot use "${file}": ${cause.message}`, { cause, hint: cause.hint });
  }
}
