/** From chunks back to texts, trusting nothing that the bundle says of itself. */
import { inflateRawSync } from "node:zlib";
import type { ZlibOptions } from "node:zlib";
import { sha256Hex } from "./bundle-hash.ts";
import { extendDictionary } from "./dictionary.ts";
import { BundleError } from "./errors.ts";
import type { Bundle, BundledModule } from "./format.ts";

/** Bytes of one compiled text. The largest module known in a package, TypeScript's compiler, has 9 MiB. */
export const MAX_CODE_BYTES: number = 64 * 1024 * 1024;

/** Bytes of all compiled texts: what a small server can hold beside what it is there for. */
export const MAX_TOTAL_CODE_BYTES: number = 256 * 1024 * 1024;

/**
 * The compiled text of each module by filename. No more is allocated than a module claims to need, and no
 * claim above the limits is believed.
 * @throws BundleError "bundle-damaged" naming the module.
 */
export function inflateModules(modules: Bundle["modules"]): Map<string, Uint8Array> {
  const total = modules.reduce((sum, { codeBytes }) => sum + codeBytes, 0);
  if (total > MAX_TOTAL_CODE_BYTES) {
    throw new BundleError(
      "bundle-damaged",
      `Cannot read the bundle: its modules have ${total} bytes, at most ${MAX_TOTAL_CODE_BYTES}`,
    );
  }
  const dictionaries = new Map<string, Uint8Array>();
  const texts = new Map<string, Uint8Array>();
  for (const module of modules) {
    const dictionary = dictionaries.get(module.group) ?? new Uint8Array();
    const text = inflateModule(module, dictionary);
    dictionaries.set(module.group, extendDictionary(dictionary, text));
    texts.set(module.filename, text);
  }
  return texts;
}

/**
 * Bytes of one map as JSON. Maps of large modules have 1.5 times the bytes of the text, which comes to
 * less for texts of MAX_CODE_BYTES, whose lines are long.
 */
export const MAX_MAP_BYTES: number = MAX_CODE_BYTES;

/**
 * Whoever inflates a map later need not fear it.
 * @throws BundleError "bundle-damaged" naming the module.
 */
export function checkMaps(modules: Bundle["modules"]): void {
  for (const { filename, map } of modules) inflate(filename, "map", map, MAX_MAP_BYTES);
}

function inflateModule(module: BundledModule, dictionary: Uint8Array): Uint8Array {
  const { filename, codeBytes, usesDictionary, chunk } = module;
  if (codeBytes > MAX_CODE_BYTES) {
    throw damaged(filename, `its text has ${codeBytes} bytes, at most ${MAX_CODE_BYTES}`);
  }
  const text = inflate(
    filename,
    "chunk",
    chunk,
    Math.max(1, codeBytes),
    usesDictionary ? dictionary : undefined,
  );
  if (text.length !== codeBytes) {
    throw damaged(filename, `its text has ${text.length} bytes, ${codeBytes} were announced`);
  }
  if (sha256Hex(text) !== module.sha256) throw damaged(filename, "its text does not match its sha256");
  return text;
}

function inflate(
  filename: string,
  part: "chunk" | "map",
  deflated: Uint8Array,
  maxOutputLength: number,
  dictionary?: Uint8Array,
): Uint8Array {
  const [text, consumed] = inflateWhole(filename, part, deflated, {
    maxOutputLength,
    ...(dictionary === undefined ? {} : { dictionary }),
  });
  if (consumed !== deflated.length) {
    throw damaged(filename, `its ${part} ends after ${consumed} of ${deflated.length} bytes`);
  }
  return text;
}

function inflateWhole(
  filename: string,
  part: "chunk" | "map",
  deflated: Uint8Array,
  options: ZlibOptions,
): readonly [text: Uint8Array, consumed: number] {
  try {
    const result: unknown = inflateRawSync(deflated, { ...options, info: true });
    if (!isWithInfo(result)) throw new TypeError("zlib gives no info");
    return [result.buffer, result.engine.bytesWritten];
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw damaged(filename, `its ${part} cannot be inflated (${reason})`, cause);
  }
}

/** What `info` makes of a result. @types/node does not know it. */
interface WithInfo {
  readonly buffer: Uint8Array;
  /** Its bytesWritten are those that it has read. */
  readonly engine: { readonly bytesWritten: number };
}

function isWithInfo(result: unknown): result is WithInfo {
  return typeof result === "object" && result !== null && "buffer" in result && "engine" in result;
}

function damaged(filename: string, what: string, cause?: unknown): BundleError {
  return new BundleError("bundle-damaged", `Cannot read module "${filename}" of the bundle: ${what}`, {
    cause,
  });
}
