/**
 * What stage 2 reads: the modules, and what to do with them. Written here, read in stage2.ts.
 *
 *   0: 4      length n of the index, big-endian
 *   4: n      the index: JSON of PayloadIndex (payload-index.ts), raw deflated
 *   4+n: …    the chunks, one behind the other
 *   …         the rest: the maps (see encodeMaps), if they come along
 */
import { posix } from "node:path";
import { inflateRawSync, deflateRawSync } from "node:zlib";
import type { Bundle, BundledModule } from "../bundler/format.ts";
import { groupsNeeded } from "../bundler/groups.ts";
import { decodeMappings } from "../bundler/source-map.ts";
import type { PayloadIndex, PayloadModule } from "./payload-index.ts";
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
  const positions = positionsOf(modules);
  const entry = positions.get(bundle.entry) ?? 0;
  const index = { entry, args: options.args ?? [], env: options.env ?? {} };
  return encodeModules(index, modules, positions, options.maps);
}

/**
 * What has been sent of a bundle, and what a module needs beyond it: for the loader's fetchBy() on the far side, where
 * an import() has led to a group that was not sent.
 */
export class LateModules {
  private readonly bundle: Bundle;
  private readonly sent: BundledModule[];
  private readonly groups: Set<string>;

  /** @param groups those that were sent at the beginning, beside the entry's. */
  constructor(bundle: Bundle, groups: readonly string[] = []) {
    this.bundle = bundle;
    this.sent = modulesSent(bundle, groups);
    this.groups = new Set(groups);
  }

  /**
   * The groups that the module needs and that were not sent, with their maps; they count as sent from now on. Without
   * modules where all of them were; undefined if the bundle has no such module.
   */
  payloadFor(filename: string): Uint8Array | undefined {
    if (!this.bundle.modules.some((module) => module.filename === filename)) return undefined;
    const groups = groupsNeeded(this.bundle, filename).filter((group) => !this.groups.has(group));
    const modules = this.bundle.modules.filter(({ group }) => groups.includes(group));
    this.sent.push(...modules);
    for (const group of groups) this.groups.add(group);
    return encodeModules(
      { entry: 0, args: [], env: {} },
      modules,
      positionsOf(this.sent),
      modules.length > 0,
    );
  }
}

function encodeModules(
  rest: Omit<PayloadIndex, "modules">,
  modules: readonly BundledModule[],
  positions: ReadonlyMap<string, number>,
  withMaps: boolean,
): Uint8Array {
  const index: PayloadIndex = {
    ...rest,
    modules: modules.map((module, position): PayloadModule => {
      const startsGroup = position > 0 && modules[position - 1]?.group !== module.group;
      const dictionary = module.usesDictionary ? 1 : startsGroup ? 2 : 0;
      return [module.filename, module.chunk.length, dictionary, importTable(module, positions)];
    }),
  };
  const deflated = deflateRawSync(JSON.stringify(index), { level: 9 });
  const length = Buffer.alloc(4);
  length.writeUInt32BE(deflated.length);
  const chunks = modules.map(({ chunk }) => chunk);
  const maps = withMaps ? [encodeModuleMaps(modules)] : [];
  return Buffer.concat([length, deflated, ...chunks, ...maps]);
}

function positionsOf(modules: readonly BundledModule[]): Map<string, number> {
  return new Map(modules.map(({ filename }, position) => [filename, position]));
}

/**
 * The maps as the far side wants them: raw deflated text of a function that takes the Position so far and gives
 * one that knows these files, too (trace-maps.ts). Its numbers are plain differences and not base64 VLQ: that
 * compresses as well, and is read by a line of code.
 */
export function encodeMaps(bundle: Bundle, groups?: readonly string[]): Uint8Array {
  return encodeModuleMaps(modulesSent(bundle, groups));
}

function encodeModuleMaps(modules: readonly BundledModule[]): Uint8Array {
  const maps = modules.map((module) => [module.filename, differences(module)]);
  // A literal of JSON, which is read faster than code, and in ASCII, since Node 8 takes U+2028 for a line's end.
  const literal = JSON.stringify(JSON.stringify(Object.fromEntries(maps))).replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const text = `(function(next){return (${createPosition.toString()})(JSON.parse(${literal}),next)})`;
  return deflateRawSync(text, { level: 9 });
}

function modulesSent(bundle: Bundle, groups: readonly string[] = []): BundledModule[] {
  const known = new Set(bundle.modules.map(({ group }) => group));
  for (const group of groups) {
    if (known.has(group)) continue;
    throw new RangeError(`Cannot send group "${group}": the bundle has ${JSON.stringify([...known])}`);
  }
  return bundle.modules.filter(({ group }) => group === "" || groups.includes(group));
}

function differences(module: BundledModule): number[] {
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

function importTable(module: BundledModule, positions: ReadonlyMap<string, number>): Record<string, number> {
  const table: Record<string, number> = {};
  for (const { specifier, filename } of module.imports) {
    const position = filename === undefined ? undefined : positions.get(filename);
    const isPath =
      /^\.\.?\//.test(specifier) && posix.join(posix.dirname(module.filename), specifier) === filename;
    if (position !== undefined && !isPath) table[specifier] = position;
  }
  return table;
}
