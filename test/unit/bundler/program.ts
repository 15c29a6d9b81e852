/** Programs for the tests of the bundler: written, bundled, and run by the Node that is here. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { inflateRawSync } from "node:zlib";
import type { Bundle, BundledModule } from "../../../bundler/format.ts";
import { inflateModules } from "../../../bundler/inflate.ts";
import { decodeMappings } from "../../../bundler/source-map.ts";
import type { Segment } from "../../../bundler/source-map.ts";

/** Contents by path. */
export type Files = Readonly<Record<string, string>>;

/** Writes files into a new folder, which goes when the test ends. */
export async function writeProgram(context: TestContext, files: Files, prefix = "program-"): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), prefix)));
  context.after(() => rm(folder, { recursive: true }));
  await writeFiles(folder, { "package.json": "{}", ...files });
  return folder;
}

export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [path, contents] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), contents);
  }
}

export function textOf(bundle: Bundle, filename: string): string {
  return Buffer.from(inflateModules(bundle.modules).get(filename) ?? []).toString();
}

export function mapOf(module: BundledModule): { readonly sources: string[]; readonly segments: Segment[] } {
  const map = JSON.parse(inflateRawSync(module.map).toString()) as { sources: string[]; mappings: string };
  return { sources: map.sources, segments: decodeMappings(map.mappings) };
}

export function moduleOf(bundle: Bundle, filename: string): BundledModule {
  const found = bundle.modules.find((module) => module.filename === filename);
  if (found === undefined) throw new Error(`no module ${filename} in ${filenamesOf(bundle).join(" ")}`);
  return found;
}

export function filenamesOf(bundle: Bundle): string[] {
  return bundle.modules.map(({ filename }) => filename);
}

/**
 * Runs a bundle's compiled texts as Node's own modules, and gives what they print. The texts stand on
 * disk as CommonJS under their own names, whatever the extension; specifiers go by the bundle's edges.
 */
export async function runBundle(context: TestContext, bundle: Bundle): Promise<string> {
  const texts = inflateModules(bundle.modules);
  const files = Object.fromEntries([...texts].map(([name, text]) => [name, Buffer.from(text).toString()]));
  const folder = await writeProgram(context, files, "compiled-");
  const edges = bundle.modules.map(({ filename, imports }) => [
    join(folder, filename),
    Object.fromEntries(
      imports.flatMap((edge) =>
        edge.filename === undefined ? [] : [[edge.specifier, join(folder, edge.filename)]],
      ),
    ),
  ]);
  const loader = `
    const Module = require("module");
    const edges = new Map(${JSON.stringify(edges)});
    const resolve = Module._resolveFilename;
    Module._resolveFilename = (request, parent, ...rest) =>
      (edges.get(parent && parent.filename) || {})[request] || resolve(request, parent, ...rest);
    const compile = (module, file) => module._compile(require("fs").readFileSync(file, "utf8"), file);
    for (const extension of ["", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".json"])
      Module._extensions[extension] = compile;
    require(${JSON.stringify(join(folder, bundle.entry))});
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", loader]);
  return stdout;
}
