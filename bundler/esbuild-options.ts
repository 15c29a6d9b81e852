/** What both passes over the sources have in common: how the graph is read decides what compiles. */
import type { BuildOptions } from "esbuild";

/**
 * What stands in the compiled text for parts of import.meta; compiled-text.ts declares it where it is used. Not
 * `__filename` itself: of that name an ES module may have a variable of its own.
 */
export const IMPORT_META = {
  url: "__importMetaUrl",
  filename: "__importMetaFilename",
  dirname: "__importMetaDirname",
} as const;

/** Oldest runtime that the compiled text must run on. */
const OLDEST_RUNTIME = "node8";

/** Builtins of the far side's loader; they exist there only. */
export const LOADER_MODULES = "sshuttle:*";

const NOT_CODE = [".node", ".css", ".txt"];

export function isCode(path: string): boolean {
  return /(?:\.(?:[cm]?[jt]s|[jt]sx|json)|(?:^|\/)[^/.]+)$/.test(path);
}

export function commonOptions(
  workingFolder: string,
  define: Readonly<Record<string, string>>,
  emptyExtensions: readonly string[] = [],
): BuildOptions & { readonly write: false } {
  return {
    absWorkingDir: workingFolder,
    outdir: "out",
    write: false,
    format: "cjs",
    target: OLDEST_RUNTIME,
    // Not \u00e9 for every é. What breaks lines or cannot be UTF-8 is escaped all the same.
    charset: "utf8",
    logLevel: "silent",
    define: {
      "import.meta.url": IMPORT_META.url,
      "import.meta.filename": IMPORT_META.filename,
      "import.meta.dirname": IMPORT_META.dirname,
      ...define,
    },
    loader: Object.fromEntries([...NOT_CODE, ...emptyExtensions].map((extension) => [extension, "empty"])),
  };
}
