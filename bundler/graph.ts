/** From esbuild's metafile to the modules of a program and the edges between them. */
import type { Metafile } from "esbuild";
import type { ResolvedNames } from "./require-resolve.ts";

export interface Edge {
  readonly specifier: string;
  /** Path of the module it leads to; undefined for what is not part of the bundle. */
  readonly target: string | undefined;
  readonly kind: "static" | "dynamic";
}

export interface GraphModule {
  /** As in the metafile: relative to the working directory of the build. */
  readonly path: string;
  readonly sourceBytes: number;
  /** True for an ES module: its text was compiled from import/export syntax. */
  readonly isEsm: boolean;
  readonly edges: readonly Edge[];
}

type Input = Metafile["inputs"][string];

/**
 * What the entry reaches, depth first, each module before those that it imports. A module's imports come
 * in the order of the source, but import statements before calls of require(). Inputs that no edge leads to (esbuild guesses at computed paths) are left out.
 */
export function readGraph(inputs: Metafile["inputs"], names: ResolvedNames, entry: string): GraphModule[] {
  const modules = new Map<string, GraphModule>();
  const pending = [entry];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const input = inputs[path];
    if (input === undefined || modules.has(path)) continue;
    const edges = readEdges(input, inputs, names.get(path) ?? new Map());
    modules.set(path, { path, sourceBytes: input.bytes, isEsm: isEsm(path, input), edges });
    for (const edge of edges.toReversed()) if (edge.target !== undefined) pending.push(edge.target);
  }
  return [...modules.values()];
}

/**
 * One edge for each specifier. Where a module both imports and requires the same package, and the package
 * offers a file for each, the first static use decides for all.
 */
function readEdges(
  input: Input,
  inputs: Metafile["inputs"],
  names: ReadonlyMap<string, string | undefined>,
): Edge[] {
  const edges = new Map<string, Edge>();
  for (const { path, original, external, kind } of input.imports) {
    if (kind !== "import-statement" && kind !== "require-call" && kind !== "dynamic-import") continue;
    const target = external === true ? undefined : withoutAttributes(path, inputs);
    if (target !== undefined ? inputs[target] === undefined : path === "<runtime>" || path.includes("*"))
      continue;
    const edge: Edge = {
      specifier: original ?? path,
      target,
      kind: kind === "dynamic-import" ? "dynamic" : "static",
    };
    const known = edges.get(edge.specifier);
    if (known === undefined) edges.set(edge.specifier, edge);
    else if (known.kind === "dynamic" && edge.kind === "static") edges.set(edge.specifier, edge);
  }
  for (const [specifier, target] of names) {
    // Sent along with whoever asks: it is asked for in order to be loaded, and not by import().
    if (target !== undefined && !edges.has(specifier))
      edges.set(specifier, { specifier, target, kind: "static" });
  }
  return [...edges.values()];
}

/** A JSON file is one module, imported with attributes or required without; esbuild has two inputs. */
function withoutAttributes(path: string, inputs: Metafile["inputs"]): string {
  const plain = path.replace(/ with \{ type: 'json' \}$/, "");
  return inputs[plain] === undefined ? path : plain;
}

function isEsm(path: string, input: Input): boolean {
  return !path.endsWith(".json") && (input.format === "esm" || /\.m[jt]s$/.test(path));
}
