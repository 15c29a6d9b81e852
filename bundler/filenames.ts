/**
 * Which name a source file gets in the bundle: its path from the project's root, whatever the machine.
 */
import { posix } from "node:path";
import { BundleError } from "./errors.ts";

/**
 * Names the files of a program, all given as absolute paths with forward slashes.
 *
 * Files of packages outside the root (hoisted, or linked from elsewhere) are named as if they were
 * installed in it: "node_modules/left-pad/index.js". If other files lie outside, or two would get one
 * name, the names start at the lowest folder that holds all of them.
 * @throws BundleError "bundle-unsupported" if `rootIsFixed` and a file is not below the root.
 */
export function nameFiles(root: string, paths: readonly string[], rootIsFixed = false): Map<string, string> {
  const names = new Map<string, string>();
  let outside: string | undefined;
  for (const path of paths) {
    const name = nameFile(root, path);
    if (name === path) outside ??= path;
    else names.set(path, name);
  }
  if (outside === undefined && new Set(names.values()).size === paths.length) return names;
  if (rootIsFixed && outside !== undefined) {
    throw new BundleError(
      "bundle-unsupported",
      `Cannot bundle "${outside}": it lies outside of the root "${root}"`,
      { hint: "leave the root out, or name a folder that holds all sources" },
    );
  }
  const widest = paths.reduce(commonFolder, root);
  return new Map(paths.map((path) => [path, posix.relative(widest, path)]));
}

/** The name of one file for a message: as above, but whatever lies outside keeps its path. */
export function nameFile(root: string, path: string): string {
  return isBelow(root, path) ? posix.relative(root, path) : (installedName(root, path) ?? path);
}

function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder === "/" ? folder : `${folder}/`);
}

/** The lowest folder that is, or holds, `folder`, and holds the file. */
function commonFolder(folder: string, path: string): string {
  let common = folder;
  while (!isBelow(common, path) && posix.dirname(common) !== common) common = posix.dirname(common);
  return common;
}

/** From the outermost node_modules that the root is not in itself, else from the one that holds both. */
function installedName(root: string, path: string): string | undefined {
  const common = commonFolder(root, path);
  const own = posix.relative(common, path).split("/");
  const outermost = own.indexOf("node_modules");
  if (outermost !== -1) return own.slice(outermost).join("/");
  const shared = common.split("/").lastIndexOf("node_modules");
  return shared === -1 ? undefined : path.split("/").slice(shared).join("/");
}
