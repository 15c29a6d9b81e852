/**
 * What stage 2 reads: the modules, and what to do with them. Written here, read in stage2.ts.
 *
 *   0: 32     sha256 of the rest
 *   32: …     raw deflate of:
 *     the index: PayloadIndex (payload-index.ts) as JSON, and "\n"
 *     the texts, one behind the other
 *     the text of the maps (see encodeMaps), if they come along
 *
 * One stream, and not the bundle's chunks, each of which can be inflated with the chunks before it and says how it is
 * coded: that takes 4 % more.
 */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { inflateRawSync, deflateRawSync } from "node:zlib";
import type { Bundle, BundledModule } from "../bundler/format.ts";
import { inflateModules } from "../bundler/inflate.ts";
import { decodeMappings } from "../bundler/source-map.ts";
import type { PayloadIndex } from "./payload-index.ts";
import { createPosition } from "./trace-maps.ts";

export interface PayloadOptions {
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Whether the maps come along. */
  readonly maps: boolean;
  /** Groups to send beside the entry's, such as groupsNeeded() of bundler/groups.ts has them. Default: none. */
  readonly groups?: readonly string[] | undefined;
}

/** @throws RangeError if the bundle has no group of a name in `options.groups`. */
export function encodePayload(bundle: Bundle, options: PayloadOptions): Uint8Array {
  const modules = modulesSent(bundle, options.groups);
  const entryFirst = modules.toSorted(
    (a, b) => Number(b.filename === bundle.entry) - Number(a.filename === bundle.entry),
  );
  const { args = [], env = {} } = options;
  return encodeModules(bundle, entryFirst, options.maps, { args, env });
}

/** The modules of the bundle that belong to the entry's group or to one of `groups`. */
export function modulesSent(bundle: Bundle, groups: readonly string[] = []): BundledModule[] {
  const known = new Set(bundle.modules.map(({ group }) => group));
  for (const group of groups) {
    if (known.has(group)) continue;
    throw new RangeError(`Cannot send group "${group}": the bundle has ${JSON.stringify([...known])}`);
  }
  return bundle.modules.filter(({ group }) => group === "" || groups.includes(group));
}

/** A payload of some of the bundle's modules; their groups must be whole. */
export function encodeModules(
  bundle: Bundle,
  modules: readonly BundledModule[],
  withMaps: boolean,
  options: Pick<PayloadIndex, "args" | "env"> = {},
): Uint8Array {
  const groups = new Set(modules.map(({ group }) => group));
  const all = inflateModules(bundle.modules.filter(({ group }) => groups.has(group)));
  const texts = modules.map(({ filename }) => all.get(filename) ?? new Uint8Array());
  const names = modules.map(({ filename }) => filename);
  const index: PayloadIndex = {
    ...options,
    bytes: texts.map(({ length }) => length),
    imports: importTables(modules, names),
    names,
  };
  const maps = withMaps ? [Buffer.from(mapsText(modules))] : [];
  const deflated = deflateRawSync(
    Buffer.concat([Buffer.from(`${JSON.stringify(index)}\n`), ...texts, ...maps]),
    {
      level: 9,
    },
  );
  return Buffer.concat([createHash("sha256").update(deflated).digest(), deflated]);
}

/**
 * The maps as the far side wants them: raw deflated text of a function that takes the Position so far and gives
 * one that knows these files, too (trace-maps.ts). Its numbers are plain differences and not base64 VLQ: that
 * compresses as well, and is read by a line of code.
 */
export function encodeMaps(bundle: Bundle, groups?: readonly string[]): Uint8Array {
  return deflateRawSync(mapsText(modulesSent(bundle, groups)), { level: 9 });
}

function mapsText(modules: readonly BundledModule[]): string {
  const maps = modules.map((module) => [module.filename, differences(module)]);
  // A literal of JSON, which is read faster than code, and in ASCII, since Node 8 takes U+2028 for a line's end.
  const literal = JSON.stringify(JSON.stringify(Object.fromEntries(maps))).replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `(function(next){return (${createPosition.toString()})(JSON.parse(${literal}),next)})`;
}

/** A module's map as createPosition() of trace-maps.ts takes it. */
export function differences(module: BundledModule): number[] {
  const { mappings }: { mappings: string } = JSON.parse(inflateRawSync(module.map).toString("utf8"));
  const numbers: number[] = [];
  let [generatedLine, sourceLine, sourceColumn] = [0, 0, 0];
  for (const segment of decodeMappings(mappings)) {
    numbers.push(
      segment.generatedLine - generatedLine,
      segment.generatedColumn,
      segment.sourceLine - sourceLine,
      segment.sourceColumn - sourceColumn,
    );
    ({ generatedLine, sourceLine, sourceColumn } = segment);
  }
  return numbers;
}

/** Puts the names of other modules to which imports lead behind those that are in `names`. */
function importTables(
  modules: readonly BundledModule[],
  names: string[],
): Record<number, Record<string, number>> {
  const positions = new Map(names.map((name, position) => [name, position]));
  const tables: Record<number, Record<string, number>> = {};
  for (const [module, { filename: from, imports }] of modules.entries()) {
    const listed = imports.flatMap(({ specifier, filename }) => {
      if (filename === undefined || isPathTo(from, specifier, filename)) return [];
      const position = positions.get(filename) ?? names.push(filename) - 1;
      positions.set(filename, position);
      return [[specifier, position] as const];
    });
    if (listed.length > 0) tables[module] = Object.fromEntries(listed);
  }
  return tables;
}

function isPathTo(from: string, specifier: string, filename: string): boolean {
  return /^\.\.?\//.test(specifier) && posix.join(posix.dirname(from), specifier) === filename;
}
