/** Where a project begins on this disk. */
import { access, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BundleError } from "./errors.ts";

/**
 * The entry's real path: esbuild follows symbolic links, and names must agree.
 * @throws BundleError "bundle-entry-missing".
 */
export async function findEntry(entry: string): Promise<string> {
  const path = await realpath(entry).catch((cause: unknown) => {
    throw new BundleError("bundle-entry-missing", `Cannot bundle "${entry}": there is no such file`, {
      cause,
    });
  });
  if (!(await stat(path)).isFile()) {
    throw new BundleError("bundle-entry-missing", `Cannot bundle "${entry}": it is not a file`, {
      hint: "name the file in which the program starts",
    });
  }
  return path;
}

/** The nearest folder above the entry with a package.json, or else the entry's own. */
export async function findRoot(entryPath: string): Promise<string> {
  for (let folder = dirname(entryPath); ; folder = dirname(folder)) {
    if (await exists(join(folder, "package.json"))) return folder;
    if (dirname(folder) === folder) return dirname(entryPath);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
