/**
 * Machine code cannot be uploaded to a machine of another kind. Many packages can do without: they, or
 * those that use them, require it in a `try`. There the far side says what Node says of a missing module.
 */
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { build } from "esbuild";
import type { Loader, Plugin } from "esbuild";
import { BundleError } from "./errors.ts";
import { isBuildFailure } from "./esbuild-messages.ts";
import { commonOptions } from "./esbuild-options.ts";
import type { Edge, GraphModule } from "./graph.ts";

const LOADERS: Readonly<Record<string, Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".jsx": "jsx",
};

interface NativeAddonOptions {
  readonly define: Readonly<Record<string, string>>;
  /** From a module's path to what messages call it. */
  readonly nameOf: (path: string) => string;
}

/** Why a module cannot be evaluated on the far side. */
interface Reason {
  readonly addon: string;
  /** What requires it and has no other way. */
  readonly importer: string;
}

/**
 * The modules without the addons among them, and without the edges to these. The entry stands first.
 * @throws BundleError "bundle-native-addon" if a missing addon keeps the entry from loading.
 */
export async function dropNativeAddons(
  folder: string,
  modules: readonly GraphModule[],
  { define, nameOf }: NativeAddonOptions,
): Promise<GraphModule[]> {
  const failing = new Map<string, Reason | undefined>();
  for (const { path } of modules) if (isAddon(path)) failing.set(path, undefined);
  // Grows while it is walked: what fails without an addon takes along what needs that.
  for (const [path, known] of failing) {
    for (const module of modules) {
      const edges = module.edges.filter(({ target }) => target === path);
      if (failing.has(module.path) || !(await hasUnguarded(folder, module.path, edges, define))) continue;
      const reason = known ?? { addon: path, importer: module.path };
      if (module === modules[0]) throw notPortable(nameOf(reason.addon), nameOf(reason.importer));
      failing.set(module.path, reason);
    }
  }
  return modules
    .filter(({ path }) => !isAddon(path))
    .map((module) => ({ ...module, edges: module.edges.map((edge) => withoutAddon(edge)) }));
}

function isAddon(path: string): boolean {
  return path.endsWith(".node");
}

function withoutAddon(edge: Edge): Edge {
  return edge.target !== undefined && isAddon(edge.target) ? { ...edge, target: undefined } : edge;
}

function notPortable(addon: string, importer: string): BundleError {
  return new BundleError(
    "bundle-native-addon",
    `Cannot bundle "${addon}": it is machine code, and the far side may be another machine`,
    { hint: `needed by ${importer}, not in a try; a package without machine code can be uploaded` },
  );
}

/**
 * Does a module use one of the edges outside of a `try`? esbuild knows, but tells only of modules that it
 * does not find; so it is shown the same text in a place where nothing is found.
 */
async function hasUnguarded(
  folder: string,
  path: string,
  edges: readonly Edge[],
  define: Readonly<Record<string, string>>,
): Promise<boolean> {
  if (edges.length === 0) return false;
  const specifiers = new Set(edges.map(({ specifier }) => specifier));
  const nothingElse: Plugin = {
    name: "nothing-else",
    setup(esbuild) {
      esbuild.onResolve({ filter: /.*/ }, (args) =>
        specifiers.has(args.path) ? undefined : { path: args.path, external: true },
      );
    },
  };
  try {
    await build({
      ...commonOptions(folder, define),
      stdin: {
        contents: await readFile(join(folder, path), "utf8"),
        sourcefile: path,
        loader: LOADERS[extname(path)] ?? "js",
      },
      bundle: true,
      platform: "node",
      plugins: [nothingElse],
    });
    return false;
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    return true;
  }
}
