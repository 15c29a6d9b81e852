/** The first pass: which modules a program consists of. */
import { join } from "node:path";
import { build } from "esbuild";
import type { Metafile, Plugin } from "esbuild";
import { BundleError } from "./errors.ts";
import { nameFile } from "./filenames.ts";
import { isBuildFailure, toBundleError, unknownExtension } from "./esbuild-messages.ts";
import { LOADER_MODULES, commonOptions, isCode } from "./esbuild-options.ts";
import { readGraph } from "./graph.ts";
import type { GraphModule } from "./graph.ts";
import { dropNativeAddons } from "./native-addons.ts";
import { resolveNames } from "./require-resolve.ts";
import type { ResolveOptions, ResolvedNames } from "./require-resolve.ts";

export interface ScanOptions {
  readonly define: Readonly<Record<string, string>>;
  readonly conditions: readonly string[];
  readonly external: readonly string[];
}

/**
 * Follows all imports from the entry, given relative to the folder, as are the paths of the result.
 * @throws BundleError for whatever cannot be followed or compiled.
 */
export async function scan(folder: string, entry: string, options: ScanOptions): Promise<GraphModule[]> {
  const nameOf = (path: string): string => nameFile(folder, join(folder, path));
  const { inputs, names } = await readProgram(folder, entry, options, nameOf);
  const modules = readGraph(inputs, names, entry);
  const importers = new Map(
    modules.flatMap((module) => module.edges.map(({ target }) => [target, module.path] as const)),
  );
  for (const { path } of modules) {
    if (isCode(path) || path.endsWith(".node")) continue;
    const from = importers.get(path);
    throw new BundleError(
      "bundle-unsupported",
      `Cannot bundle "${nameOf(path)}"${from === undefined ? "" : ` for "${nameOf(from)}"`}: ` +
        "a module is JavaScript, TypeScript or JSON",
      { hint: "put the contents into a .ts or .json file" },
    );
  }
  return dropNativeAddons(folder, modules, { define: options.define, nameOf });
}

/**
 * Warnings of esbuild's for which Node 8 stops, so that they are errors here. esbuild does not warn of
 * packages: these often look before they leap, and get BigInt() calls and an empty import.meta.
 */
const STOPS_NODE_8 = ["bigint", "empty-import-meta"];

/** What the entry imports, and what is asked for by `require.resolve`, with all that these import. */
async function readProgram(
  folder: string,
  entry: string,
  options: ScanOptions,
  nameOf: (path: string) => string,
): Promise<{ readonly inputs: Metafile["inputs"]; readonly names: ResolvedNames }> {
  const names: ResolvedNames = new Map();
  const entries = [entry];
  for (;;) {
    const inputs = await readInputs(folder, entries, options, nameOf);
    await resolveNames(inputs, names, { absWorkingDir: folder, ...resolution(options) });
    const targets = [...names.values()].flatMap((found) => [...found.values()]);
    const more = new Set(targets.filter((path) => path !== undefined && inputs[path] === undefined));
    if (more.size === 0) return { inputs, names };
    for (const path of more) if (path !== undefined) entries.push(path);
  }
}

function resolution({
  conditions,
  external,
}: ScanOptions): Pick<ResolveOptions, "platform" | "conditions" | "external"> {
  return {
    platform: "node",
    // Not even esbuild's "module": the condition that Node does not know.
    conditions: [...conditions],
    external: [LOADER_MODULES, ...external],
  };
}

/** esbuild's view, tree shaking aside: an import is evaluated by Node whether or not it is used. */
async function readInputs(
  folder: string,
  entries: readonly string[],
  options: ScanOptions,
  nameOf: (path: string) => string,
): Promise<Metafile["inputs"]> {
  const emptyExtensions: string[] = [];
  for (;;) {
    try {
      const result = await build({
        ...commonOptions(folder, options.define, emptyExtensions),
        ...resolution(options),
        entryPoints: entries.map((entry, index) => ({ in: join(folder, entry), out: String(index) })),
        bundle: true,
        metafile: true,
        ignoreAnnotations: true,
        treeShaking: false,
        plugins: [keepNodePrefix],
      });
      const [stopper] = result.warnings.filter(({ id }) => STOPS_NODE_8.includes(id));
      if (stopper !== undefined) throw toBundleError([stopper], nameOf);
      return result.metafile.inputs;
    } catch (error) {
      if (!isBuildFailure(error)) throw error;
      // A computed path makes esbuild read whole folders, README and all. Only what an import names counts.
      const unknown = error.errors.flatMap((message) => unknownExtension(message) ?? []);
      if (unknown.length === 0) throw toBundleError(error.errors, nameOf);
      emptyExtensions.push(...unknown);
    }
  }
}

/** Tells `require("node:net")` from `require("net")`, which the metafile would not. */
const keepNodePrefix: Plugin = {
  name: "keep-node-prefix",
  setup(esbuild) {
    esbuild.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, external: true }));
  },
};
