/** The first pass: which modules a program consists of. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import type { BuildOptions, Metafile, Plugin } from "esbuild";
import { BundleError } from "./errors.ts";
import { nameFile } from "./filenames.ts";
import { isBuildFailure, toBundleError, unknownExtension } from "./esbuild-messages.ts";
import { LOADER_MODULES, commonOptions, isCode } from "./esbuild-options.ts";
import { readGraph } from "./graph.ts";
import type { GraphModule } from "./graph.ts";

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
  const modules = readGraph(await readInputs(folder, entry, options), entry);
  const importers = new Map(
    modules.flatMap((module) => module.edges.map(({ target }) => [target, module.path] as const)),
  );
  for (const { path } of modules) {
    if (isCode(path) || path.endsWith(".node")) continue;
    const from = importers.get(path);
    throw new BundleError(
      "bundle-unsupported",
      `Cannot bundle "${path}"${from === undefined ? "" : ` for "${from}"`}: ` +
        "a module is JavaScript, TypeScript or JSON",
      { hint: "put the contents into a .ts or .json file" },
    );
  }
  return dropNativeAddons(folder, modules);
}

/**
 * Warnings of esbuild's for which Node 8 stops, so that they are errors here. esbuild does not warn of
 * packages: these often look before they leap, and get BigInt() calls and an empty import.meta.
 */
const STOPS_NODE_8 = ["bigint", "empty-import-meta"];

/** esbuild's view, tree shaking aside: an import is evaluated by Node whether or not it is used. */
async function readInputs(folder: string, entry: string, options: ScanOptions): Promise<Metafile["inputs"]> {
  const emptyExtensions: string[] = [];
  const nameOf = (path: string): string => nameFile(folder, join(folder, path));
  for (;;) {
    try {
      const result = await build({
        ...commonOptions(folder, options.define, emptyExtensions),
        entryPoints: [join(folder, entry)],
        bundle: true,
        metafile: true,
        platform: "node",
        ignoreAnnotations: true,
        treeShaking: false,
        // Not even esbuild's "module": the condition that Node does not know.
        conditions: [...options.conditions],
        external: [LOADER_MODULES, ...options.external],
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

/**
 * Machine code cannot be uploaded to a machine of another kind. A package that can do without (it
 * requires its addon in a `try`) gets what Node says of a missing module.
 * @throws BundleError "bundle-native-addon" for one that cannot.
 */
async function dropNativeAddons(folder: string, modules: readonly GraphModule[]): Promise<GraphModule[]> {
  const kept: GraphModule[] = [];
  for (const module of modules) {
    if (module.path.endsWith(".node")) continue;
    const addons = module.edges.filter(({ target }) => target?.endsWith(".node") === true);
    if (addons.length === 0) {
      kept.push(module);
      continue;
    }
    const unguarded = await findUnguarded(folder, module.path, new Set(addons.map((edge) => edge.specifier)));
    if (unguarded !== undefined) {
      throw new BundleError(
        "bundle-native-addon",
        `Cannot bundle "${unguarded}": it is machine code, and the far side may be another machine`,
        { hint: `needed by ${module.path}; a package without native code can be uploaded` },
      );
    }
    const edges = module.edges.map((edge) => (addons.includes(edge) ? { ...edge, target: undefined } : edge));
    kept.push({ ...module, edges });
  }
  return kept;
}

/**
 * The first of the addons that is required outside of a `try`. esbuild knows, but only says so of modules
 * that it does not find; so it is shown the same text from a place where nothing is found.
 */
async function findUnguarded(
  folder: string,
  path: string,
  addons: ReadonlySet<string>,
): Promise<string | undefined> {
  const nothingElse: Plugin = {
    name: "nothing-else",
    setup(esbuild) {
      esbuild.onResolve({ filter: /.*/ }, (args) =>
        addons.has(args.path) ? undefined : { path: args.path, external: true },
      );
    },
  };
  const options: BuildOptions = {
    ...commonOptions(folder, {}),
    stdin: { contents: await readFile(join(folder, path), "utf8"), sourcefile: path, loader: "ts" },
    bundle: true,
    platform: "node",
    plugins: [nothingElse],
  };
  try {
    await build(options);
    return undefined;
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    const specifier = /^Could not resolve "(.*)"/.exec(error.errors[0]?.text ?? "")?.[1];
    return specifier === undefined ? undefined : join(dirname(path), specifier);
  }
}
