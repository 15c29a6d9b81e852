/**
 * A bundle on disk: a tar that `tar tf` lists, with
 *
 *   manifest.json       filenames, groups, edges, sizes, hashes (manifest.ts)
 *   chunks/0 maps/0 …   the chunk and the map of each module, in the order of the manifest
 *   sha256              hex sha256 of every byte of the archive before this file's header
 *
 * The same bundle gives the same bytes: no times, no owners. A reader gets what was written or an error.
 */
import { buffer } from "node:stream/consumers";
import { hashBundle, sha256Hex } from "./bundle-hash.ts";
import { BundleError } from "./errors.ts";
import type { Bundle, BundledModule } from "./format.ts";
import { assignGroups } from "./groups.ts";
import { checkMaps, inflateModules } from "./inflate.ts";
import { encodeManifest, parseManifest } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import { END_BYTES, readTar } from "./tar-reader.ts";
import type { TarEntry } from "./tar-reader.ts";

const MANIFEST = "manifest.json";
const DIGEST = "sha256";

/** The archive of a bundle, byte for byte the same each time. */
export async function writeArchive(bundle: Bundle): Promise<Uint8Array> {
  const modules = bundle.modules.map((module) => ({ ...module, mapSha256: sha256Hex(module.map) }));
  const files: [string, Uint8Array][] = [
    [MANIFEST, Buffer.from(encodeManifest({ ...bundle, modules }))],
    ...bundle.modules.flatMap(({ chunk, map }, index): [string, Uint8Array][] => [
      [`chunks/${index}`, chunk],
      [`maps/${index}`, map],
    ]),
  ];
  const body = (await writeTar(files)).subarray(0, -END_BYTES);
  const digest = await writeTar([[DIGEST, Buffer.from(sha256Hex(body))]]);
  return Buffer.concat([body, digest]);
}

/**
 * The bundle in an archive, every text inflated and compared with its hash, the bundle's hash computed anew.
 * @throws BundleError "bundle-damaged" for anything but what writeArchive() wrote.
 */
export async function readArchive(bytes: Uint8Array): Promise<Bundle> {
  const [first, ...rest] = readTar(bytes);
  if (first?.name !== MANIFEST) throw damaged(`it begins with ${quoted(first?.name)}, not "${MANIFEST}"`);
  const manifest = parseManifest(Buffer.from(first.contents).toString());
  // A field twice, or one spelled by escapes, would be read one way here and another way elsewhere.
  if (!Buffer.from(encodeManifest(manifest)).equals(first.contents))
    throw damaged(`its "${MANIFEST}" is not as it is written`);
  const bundle = assemble(manifest, rest);
  checkModules(bundle);
  inflateModules(bundle.modules);
  checkMaps(bundle.modules);
  const hash = hashBundle(bundle.entry, bundle.modules);
  if (hash !== bundle.hash) throw damaged(`its hash is ${hash}, the manifest says ${bundle.hash}`);
  checkDigest(bytes, rest.at(-1));
  return bundle;
}

async function writeTar(files: readonly [string, Uint8Array][]): Promise<Buffer> {
  // Loaded here: only those who write should wait for it.
  const { pack } = await import("tar-stream");
  const stream = pack();
  for (const [name, contents] of files) {
    stream.entry({ name, mode: 0o644, mtime: new Date(0) }, Buffer.from(contents));
  }
  stream.finalize();
  return buffer(stream);
}

function assemble(manifest: Manifest, entries: readonly TarEntry[]): Bundle {
  const expected = manifest.modules
    .flatMap((_, index) => [`chunks/${index}`, `maps/${index}`])
    .concat(DIGEST);
  for (const index of Array(Math.max(expected.length, entries.length)).keys()) {
    const name = entries[index]?.name;
    if (name !== expected[index]) {
      throw damaged(`it has ${quoted(name)} in the place of ${quoted(expected[index])}`);
    }
  }
  const modules = manifest.modules.map(({ mapSha256, ...module }, index): BundledModule => {
    const chunk = entries[2 * index]?.contents ?? new Uint8Array();
    const map = entries[2 * index + 1]?.contents ?? new Uint8Array();
    if (sha256Hex(map) !== mapSha256)
      throw damaged(`the map of "${module.filename}" does not match its sha256`);
    return { ...module, chunk, map };
  });
  return { hash: manifest.hash, entry: manifest.entry, modules };
}

function checkModules({ entry, modules }: Bundle): void {
  const filenames = new Set(modules.map(({ filename }) => filename));
  if (filenames.size !== modules.length) throw damaged("two of its modules have the same filename");
  if (!filenames.has(entry)) throw damaged(`its entry "${entry}" is not in it`);
  for (const { filename, imports } of modules) {
    for (const edge of imports) {
      if (edge.filename === undefined || filenames.has(edge.filename)) continue;
      throw damaged(`"${filename}" imports "${edge.filename}", which is not in it`);
    }
  }
  checkGroups(entry, modules);
}

/** The bundle's hash does not cover them, and a module in the wrong one would be missed on the far side. */
function checkGroups(entry: string, modules: Bundle["modules"]): void {
  if (modules[0]?.filename !== entry)
    throw damaged(`it begins with "${modules[0]?.filename}", not with its entry`);
  const groups = assignGroups(modules);
  const ended = new Set<string>();
  let current = "";
  for (const { filename, group } of modules) {
    const expected = groups.get(filename) ?? "";
    if (group !== expected) throw damaged(`"${filename}" is in the group "${group}", not in "${expected}"`);
    if (group !== current) ended.add(current);
    if (ended.has(group)) throw damaged(`"${filename}" does not stand with the others of its group`);
    current = group;
  }
}

function checkDigest(bytes: Uint8Array, digest: TarEntry | undefined): void {
  const body = bytes.subarray(0, digest?.offset);
  if (Buffer.from(digest?.contents ?? []).toString("latin1") !== sha256Hex(body)) {
    throw damaged("its bytes do not match the sha256 at its end");
  }
}

function quoted(name: string | undefined): string {
  return name === undefined ? "nothing" : `"${name}"`;
}

function damaged(what: string): BundleError {
  return new BundleError("bundle-damaged", `Cannot read the archive: ${what}`, {
    hint: "make it again: sshuttle bundle ENTRY -o FILE",
  });
}
