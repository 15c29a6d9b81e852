/**
 * What an archive says of its modules beside their chunks and maps: manifest.json.
 *
 * It is read as text from elsewhere: every field is checked before it is used, and fields that are not
 * known are refused.
 */
import { BundleError } from "./errors.ts";
import type { BundledModule, ModuleImport } from "./format.ts";

/** Changes when an older reader could not read the archive, or would get it wrong. */
const FORMAT = "sshuttle-bundle-1";

/** Modules of a bundle; the largest programs in use have some thousands. */
export const MAX_MODULES = 100_000;

export type ManifestModule = Omit<BundledModule, "chunk" | "map"> & {
  /** Hex sha256 of the deflated map. */
  readonly mapSha256: string;
};

export interface Manifest {
  readonly hash: string;
  readonly entry: string;
  readonly modules: readonly ManifestModule[];
}

const MODULE_FIELDS: readonly (keyof ManifestModule)[] = [
  "filename",
  "group",
  "imports",
  "sourceBytes",
  "codeBytes",
  "usesDictionary",
  "sha256",
  "mapSha256",
];

type Fields = Readonly<Record<string, unknown>>;

export function encodeManifest({ hash, entry, modules }: Manifest): string {
  const lines = {
    format: FORMAT,
    hash,
    entry,
    modules: modules.map((module) => ({
      filename: module.filename,
      group: module.group,
      imports: module.imports.map(({ specifier, filename, kind }) => ({
        specifier,
        filename: filename ?? null,
        kind,
      })),
      sourceBytes: module.sourceBytes,
      codeBytes: module.codeBytes,
      usesDictionary: module.usesDictionary,
      sha256: module.sha256,
      mapSha256: module.mapSha256,
    })),
  };
  return `${JSON.stringify(lines, undefined, 1)}\n`;
}

/**
 * @throws BundleError "bundle-damaged" naming the field. That names lead somewhere, and that hashes are
 * right, is for the caller to check.
 */
export function parseManifest(text: string): Manifest {
  const manifest = fieldsOf(parseJson(text), "manifest", ["format", "hash", "entry", "modules"]);
  if (manifest["format"] !== FORMAT) {
    throw new BundleError(
      "bundle-damaged",
      `Cannot read the bundle: its format is ${JSON.stringify(manifest["format"])}, only "${FORMAT}" is known`,
      { hint: "make it again with this version" },
    );
  }
  const modules = listOf(manifest["modules"], "modules", MAX_MODULES).map(parseModule);
  return { hash: sha256Of(manifest["hash"], "hash"), entry: stringOf(manifest["entry"], "entry"), modules };
}

function parseModule(value: unknown, index: number): ManifestModule {
  const at = `modules[${index}]`;
  const fields = fieldsOf(value, at, MODULE_FIELDS);
  const { usesDictionary } = fields;
  if (typeof usesDictionary !== "boolean")
    throw wrong(`${at}.usesDictionary`, usesDictionary, "true or false");
  return {
    filename: filenameOf(fields["filename"], `${at}.filename`),
    group: stringOf(fields["group"], `${at}.group`),
    imports: listOf(fields["imports"], `${at}.imports`, MAX_MODULES).map((edge, edgeIndex) =>
      parseImport(edge, `${at}.imports[${edgeIndex}]`),
    ),
    sourceBytes: countOf(fields["sourceBytes"], `${at}.sourceBytes`),
    codeBytes: countOf(fields["codeBytes"], `${at}.codeBytes`),
    usesDictionary,
    sha256: sha256Of(fields["sha256"], `${at}.sha256`),
    mapSha256: sha256Of(fields["mapSha256"], `${at}.mapSha256`),
  };
}

function parseImport(value: unknown, at: string): ModuleImport {
  const { specifier, filename, kind } = fieldsOf(value, at, ["specifier", "filename", "kind"]);
  if (kind !== "static" && kind !== "dynamic") throw wrong(`${at}.kind`, kind, '"static" or "dynamic"');
  return {
    specifier: stringOf(specifier, `${at}.specifier`),
    filename: filename === null ? undefined : stringOf(filename, `${at}.filename`),
    kind,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BundleError("bundle-damaged", "Cannot read the bundle's manifest: it is not JSON", { cause });
  }
}

function fieldsOf(value: unknown, at: string, names: readonly string[]): Fields {
  if (!isFields(value)) throw wrong(at, value, "an object");
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new BundleError(
      "bundle-damaged",
      `Cannot read ${at}.${unknown} of the bundle's manifest: there is no such field`,
    );
  }
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: unknown, at: string, maxLength: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > maxLength)
    throw wrong(at, value, `a list of at most ${maxLength}`);
  return value;
}

function stringOf(value: unknown, at: string): string {
  if (typeof value !== "string") throw wrong(at, value, "a string");
  return value;
}

/** Relative and without detours: the far side puts a "/" before it. */
function filenameOf(value: unknown, at: string): string {
  const filename = stringOf(value, at);
  const isPlain = filename.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (!isPlain || filename.includes("\0")) throw wrong(at, value, "a path from the project's root");
  return filename;
}

function countOf(value: unknown, at: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw wrong(at, value, "a count");
  return value;
}

function sha256Of(value: unknown, at: string): string {
  const text = stringOf(value, at);
  if (!/^[0-9a-f]{64}$/.test(text)) throw wrong(at, value, "64 hex digits");
  return text;
}

function wrong(at: string, value: unknown, allowed: string): BundleError {
  const shown = (JSON.stringify(value) ?? "missing").slice(0, 80);
  return new BundleError(
    "bundle-damaged",
    `Cannot read ${at} of the bundle's manifest: ${shown}, not ${allowed}`,
  );
}
