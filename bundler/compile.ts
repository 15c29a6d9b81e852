/** The second pass: each module on its own to CommonJS, aligned to the lines of its source. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import type { OutputFile, Plugin } from "esbuild";
import { dropHashbang, finishText } from "./compiled-text.ts";
import { isBuildFailure, toBundleError } from "./esbuild-messages.ts";
import { nameFile } from "./filenames.ts";
import { commonOptions } from "./esbuild-options.ts";
import type { GraphModule } from "./graph.ts";
import type { MappedText } from "./mapped-text.ts";
import { alignSafely } from "./safe-align.ts";
import { decodeMappings } from "./source-map.ts";

/** What is known of a module's place in the bundle before it is compiled. */
export interface Place {
  readonly filename: string;
  readonly group: string;
}

/**
 * The texts of the modules, in their order, JSON included. Identifiers keep their names: traces are read
 * by people, and deflate leaves little to gain.
 * @throws BundleError for what only this pass finds.
 */
export async function compile(
  folder: string,
  modules: readonly GraphModule[],
  places: ReadonlyMap<string, Place>,
  define: Readonly<Record<string, string>>,
): Promise<MappedText[]> {
  const files = await compileFiles(folder, modules, define);
  const byPath = new Map(modules.map((module) => [module.path, module]));
  return Promise.all(
    modules.map(async (module, index) => {
      const compiled = dropHashbang(readOutput(files, index));
      const targets = new Map(module.edges.map((edge) => [edge.specifier, edge.target]));
      const finished = finishText(compiled, {
        isEsm: module.isEsm,
        leadsToEsm: (specifier) => byPath.get(targets.get(specifier) ?? "")?.isEsm === true,
        leadsToLate: (specifier) => {
          const place = places.get(targets.get(specifier) ?? "");
          const isThere = place === undefined || ["", places.get(module.path)?.group].includes(place.group);
          return isThere ? undefined : place.filename;
        },
      });
      if (module.path.endsWith(".json")) return { text: finished.text, segments: [] };
      return alignSafely(finished);
    }),
  );
}

async function compileFiles(
  folder: string,
  modules: readonly GraphModule[],
  define: Readonly<Record<string, string>>,
): Promise<Map<string, OutputFile>> {
  try {
    const { outputFiles } = await build({
      ...commonOptions(folder, define),
      entryPoints: modules.map(({ path }, index) => ({ in: join(folder, path), out: String(index) })),
      // For "node" esbuild adds a list of the exports' names, which only a real file on disk needs.
      platform: "neutral",
      minifyWhitespace: true,
      legalComments: "none",
      sourcemap: "external",
      sourcesContent: false,
      plugins: [ignoreShippedMaps],
    });
    return new Map(outputFiles.map((file) => [file.path.split(/[\\/]/).at(-1) ?? "", file]));
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    throw toBundleError(error.errors, (path) => nameFile(folder, join(folder, path)));
  }
}

function readOutput(files: ReadonlyMap<string, OutputFile>, index: number): MappedText {
  const text = files.get(`${index}.js`)?.text.replace(/\n$/, "") ?? "";
  const map: unknown = JSON.parse(files.get(`${index}.js.map`)?.text ?? "{}");
  const isMap =
    typeof map === "object" && map !== null && "mappings" in map && typeof map.mappings === "string";
  return { text, segments: isMap ? decodeMappings(String(map.mappings)) : [] };
}

/**
 * Packages ship maps to sources that they may not ship. The file that Node would run is the source here;
 * an empty map after it makes esbuild overlook the file's own.
 */
const ignoreShippedMaps: Plugin = {
  name: "ignore-shipped-maps",
  setup(esbuild) {
    esbuild.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: "file" }, async ({ path }) => {
      const contents = await readFile(path, "utf8");
      if (!contents.includes("sourceMappingURL=")) return undefined;
      return { contents: `${contents}\n//# sourceMappingURL=data:application/json,{}`, loader: "default" };
    });
  },
};
