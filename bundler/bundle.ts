/**
 * From the file in which a program starts to everything that a far side needs in order to run it.
 *
 * The same sources and the same installed packages give the same bytes, on any machine and in any folder.
 * The project's docs/bundle.md has the rules of names, groups and lines.
 */
import { realpath } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";
import { hashBundle, sha256Hex } from "./bundle-hash.ts";
import { compile } from "./compile.ts";
import { portableSpecifier } from "./compiled-text.ts";
import { deflate, deflateGroup } from "./deflate.ts";
import { nameFiles } from "./filenames.ts";
import type { Bundle, BundledModule, ModuleImport } from "./format.ts";
import type { GraphModule } from "./graph.ts";
import { assignGroups } from "./groups.ts";
import { findEntry, findRoot } from "./project-root.ts";
import { scan } from "./scan.ts";
import { encodeSourceMap } from "./source-map.ts";

export interface BundleOptions {
  /** Folder that filenames are relative to. Default: the nearest one above the entry with a package.json. */
  readonly root?: string;
  /** Expressions to be replaced, as in esbuild: `{ "process.env.NODE_ENV": '"production"' }`. */
  readonly define?: Readonly<Record<string, string>>;
  /** Conditions of packages' `exports` beside "node", "import", "require" and "default". */
  readonly conditions?: readonly string[];
  /** Names of modules that the far side has itself, beside Node's builtins and "sshuttle:…". */
  readonly external?: readonly string[];
}

/**
 * Bundles the program that starts in `entry`.
 * @throws BundleError: the first thing that is wrong, with file, line and column where there are such.
 */
export async function bundle(entry: string, options: BundleOptions = {}): Promise<Bundle> {
  const { define = {}, conditions = [], external = [] } = options;
  const entryPath = await findEntry(entry);
  const root = options.root === undefined ? await findRoot(entryPath) : await realpath(options.root);
  const graph = await scan(root, slashed(relative(root, entryPath)), { define, conditions, external });
  const names = nameModules(root, graph, options.root !== undefined);

  const nodes = graph.map((module) => ({
    filename: names.get(module.path) ?? module.path,
    imports: importsOf(module, names),
    sourceBytes: module.sourceBytes,
  }));
  const groups = assignGroups(nodes);
  const places = new Map(
    graph.map(({ path }, index) => {
      const filename = nodes[index]?.filename ?? path;
      return [path, { filename, group: groups.get(filename) ?? "" }];
    }),
  );
  const texts = await compile(root, graph, places, define);
  const modules = nodes.map((node, index) => {
    const { text = "", segments = [] } = texts[index] ?? {};
    const code = Buffer.from(text);
    const map = deflate(Buffer.from(encodeSourceMap(node.filename, segments)));
    return { ...node, code, map, group: groups.get(node.filename) ?? "" };
  });
  const bundled = [...new Set(modules.map(({ group }) => group))].flatMap((group) =>
    bundleGroup(modules.filter((module) => module.group === group)),
  );
  const entryName = nodes[0]?.filename ?? "";
  return { hash: hashBundle(entryName, bundled), entry: entryName, modules: bundled };
}

function bundleGroup(
  modules: readonly (Pick<BundledModule, "filename" | "group" | "imports" | "sourceBytes" | "map"> & {
    readonly code: Uint8Array;
  })[],
): BundledModule[] {
  const chunks = deflateGroup(modules.map(({ code }) => code));
  return modules.map(({ code, map, filename, group, imports, sourceBytes }, index) => {
    const { chunk = code, usesDictionary = false } = chunks[index] ?? {};
    const sha256 = sha256Hex(code);
    return {
      filename,
      group,
      imports,
      sourceBytes,
      codeBytes: code.length,
      usesDictionary,
      chunk,
      map,
      sha256,
    };
  });
}

function nameModules(
  root: string,
  graph: readonly GraphModule[],
  rootIsFixed: boolean,
): ReadonlyMap<string, string> {
  const absolute = new Map(graph.map(({ path }) => [path, slashed(resolve(root, path))]));
  const names = nameFiles(slashed(root), [...absolute.values()], rootIsFixed);
  return new Map([...absolute].map(([path, absolutePath]) => [path, names.get(absolutePath) ?? path]));
}

function importsOf(module: GraphModule, names: ReadonlyMap<string, string>): ModuleImport[] {
  const imports = module.edges.map(({ specifier, target, kind }) => ({
    specifier: target === undefined ? portableSpecifier(specifier) : specifier,
    filename: target === undefined ? undefined : names.get(target),
    kind,
  }));
  // "net" and "node:net" have become one.
  return [...new Map(imports.map((edge) => [edge.specifier, edge])).values()];
}

function slashed(path: string): string {
  return path.split(sep).join("/");
}
