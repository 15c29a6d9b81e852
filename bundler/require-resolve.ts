/**
 * Where `require.resolve("./x")` leads. esbuild lists such calls and does not follow them; here the module is part
 * of the program, since its name is asked for in order to load it: `require(require.resolve("./x"))`.
 */
import { dirname, join, relative, sep } from "node:path";
import { build } from "esbuild";
import type { BuildOptions, Metafile } from "esbuild";
import { isCode } from "./esbuild-options.ts";

/** Of a module, by the specifier: the path that it leads to, written as in the metafile. */
export type ResolvedNames = Map<string, Map<string, string | undefined>>;

/** As esbuild's scan resolves. */
export type ResolveOptions = Pick<BuildOptions, "absWorkingDir" | "platform" | "conditions" | "external">;

/**
 * Adds to `names` what the modules ask for and what is not known yet. What cannot be found, is external, or is no
 * code (a template, a stylesheet) is left to the far side, as undefined.
 */
export async function resolveNames(
  inputs: Metafile["inputs"],
  names: ResolvedNames,
  options: ResolveOptions & { readonly absWorkingDir: string },
): Promise<void> {
  const asked: [importer: string, specifier: string][] = [];
  for (const [importer, { imports }] of Object.entries(inputs)) {
    if (names.has(importer)) continue;
    names.set(importer, new Map());
    for (const { kind, path, original, external } of imports) {
      if (kind !== "require-resolve") continue;
      if (external === true) asked.push([importer, path]);
      else names.get(importer)?.set(original ?? path, path);
    }
  }
  if (asked.length === 0) return;
  const folder = options.absWorkingDir;
  await build({
    ...options,
    stdin: { contents: "" },
    bundle: true,
    write: false,
    logLevel: "silent",
    plugins: [
      {
        name: "require-resolve",
        setup: (esbuild) =>
          esbuild.onStart(async () => {
            for (const [importer, specifier] of asked) {
              const from = join(folder, importer);
              const place = { importer: from, resolveDir: dirname(from) };
              const found = await esbuild.resolve(specifier, { ...place, kind: "require-call" });
              const isModule = found.errors.length === 0 && !found.external && isCode(found.path);
              names
                .get(importer)
                ?.set(specifier, isModule ? slashed(relative(folder, found.path)) : undefined);
            }
          }),
      },
    ],
  });
}

function slashed(path: string): string {
  return path.split(sep).join("/");
}
