/** What is refused although every checksum and digest in it is right: made by someone else, and not by damage. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { readArchive, writeArchive } from "../../../bundler/archive.ts";
import { hashBundle } from "../../../bundler/bundle-hash.ts";
import { MAX_MAP_BYTES } from "../../../bundler/inflate.ts";
import type { Bundle, BundledModule, ModuleImport } from "../../../bundler/format.ts";
import { archiveOf, membersOf, withField } from "./tampered-archive.ts";
import type { Member } from "./tampered-archive.ts";

function moduleOf(filename: string, imports: readonly ModuleImport[] = [], group = ""): BundledModule {
  const text = `f("${filename}");`;
  return {
    filename,
    group,
    imports,
    sourceBytes: 4,
    codeBytes: text.length,
    usesDictionary: false,
    chunk: deflateRawSync(text),
    map: deflateRawSync("{}"),
    sha256: createHash("sha256").update(text).digest("hex"),
  };
}

/** Of the first module; rightly hashed. */
function bundleOf(...modules: readonly BundledModule[]): Bundle {
  const entry = modules[0]?.filename ?? "";
  return { hash: hashBundle(entry, modules), entry, modules };
}

function importOf(filename: string, kind: ModuleImport["kind"] = "static"): ModuleImport {
  return { specifier: `./${filename}`, filename, kind };
}

const SMALL = bundleOf(moduleOf("main.ts", [importOf("b.ts")]), moduleOf("b.ts"));
const ARCHIVE = await writeArchive(SMALL);
const [manifest, chunk0, map0, chunk1, map1] = membersOf(ARCHIVE) as [Member, Member, Member, Member, Member];

async function refused(archive: Uint8Array, message: RegExp): Promise<void> {
  await assert.rejects(readArchive(archive), { code: "bundle-damaged", exitCode: 74, message });
}

test("an archive by another hand with the same members is accepted", async () => {
  const other = await archiveOf([manifest, chunk0, map0, chunk1, map1]);
  assert.ok(other.equals(ARCHIVE));
  assert.equal((await readArchive(other)).hash, SMALL.hash);
});

test("readArchive() refuses every single byte that was changed, and says what or where", async () => {
  for (const difference of [1, 0x80, 0xff]) {
    for (let offset = 0; offset < ARCHIVE.length; offset++) {
      const damaged = Buffer.from(ARCHIVE);
      damaged[offset] = (damaged[offset] ?? 0) ^ difference;
      // What is refused names a byte, a module, a field, a member or a hash.
      await refused(damaged, /byte \d+: |"[^"]+"|manifest|its hash is |sha256/);
    }
  }
});

test("readArchive() refuses an archive cut short after any byte", async () => {
  for (let length = 0; length < ARCHIVE.length; length++) {
    await refused(ARCHIVE.subarray(0, length), /byte \d+: /);
  }
});

test("readArchive() refuses members that are missing, more, twice, renamed or in another order", async () => {
  const cases: readonly (readonly [members: readonly Member[], message: RegExp])[] = [
    [[chunk0, map0, chunk1, map1], /begins with "chunks\/0", not "manifest\.json"/],
    [[manifest, chunk0, map0, chunk1], /has "sha256" in the place of "maps\/1"/],
    [[manifest, chunk0, map0, map1], /has "maps\/1" in the place of "chunks\/1"/],
    [
      [manifest, chunk0, map0, chunk1, map1, { name: "more", contents: "" }],
      /has "more" in the place of "sha256"/,
    ],
    [[manifest, manifest, chunk0, map0, chunk1, map1], /has "manifest\.json" in the place of "chunks\/0"/],
    [[manifest, chunk0, chunk0, map0, chunk1, map1], /has "chunks\/0" in the place of "maps\/0"/],
    [[manifest, chunk1, map0, chunk0, map1], /has "chunks\/1" in the place of "chunks\/0"/],
    [[manifest, { ...chunk0, name: "chunks/00" }, map0, chunk1, map1], /has "chunks\/00" in the place/],
    [[manifest, { ...chunk0, name: "/chunks/0" }, map0, chunk1, map1], /has "\/chunks\/0" in the place/],
    [
      [manifest, { ...chunk0, name: "../chunks/0" }, map0, chunk1, map1],
      /has "\.\.\/chunks\/0" in the place/,
    ],
    [
      [manifest, { ...chunk0, name: "chunks/../chunks/0" }, map0, chunk1, map1],
      /in the place of "chunks\/0"/,
    ],
  ];
  for (const [members, message] of cases) await refused(await archiveOf(members), message);
  const behind = Buffer.concat([ARCHIVE.subarray(0, -1024), (await archiveOf([chunk0])).subarray(0, 1024)]);
  await refused(Buffer.concat([behind, Buffer.alloc(1024)]), /has "chunks\/0" in the place of nothing/);
});

test("readArchive() refuses texts that have changed places", async () => {
  const swapped = [manifest, { ...chunk1, name: "chunks/0" }, map0, { ...chunk0, name: "chunks/1" }, map1];
  await refused(await archiveOf(swapped), /module "main\.ts" of the bundle: its text/);
});

test("readArchive() refuses whatever is no plain file, and long names", async () => {
  const headers = [
    { type: "symlink", linkname: "/etc/passwd" },
    { type: "link", linkname: "manifest.json" },
    { type: "directory" },
    { type: "character-device", devmajor: 1, devminor: 3 },
    { type: "fifo" },
  ] as const;
  for (const header of headers) {
    const members = [manifest, { ...chunk0, header }, map0, chunk1, map1];
    await refused(await archiveOf(members), /at byte \d+: "chunks\/0\/?" is not a plain file/);
  }
  const long = [manifest, { ...chunk0, name: `chunks/${"0".repeat(200)}` }, map0, chunk1, map1];
  await refused(await archiveOf(long), /at byte \d+: ".*" is not a plain file/);
});

test("readArchive() refuses headers that say more than the writer does", async () => {
  const fields: readonly (readonly [at: number, text: string])[] = [
    [100, "004755"],
    [108, "000001"],
    [116, "000001"],
    [136, "00000000001"],
    [157, "/etc/passwd"],
    [257, "gnutar"],
    [265, "root"],
    [297, "root"],
    [329, "000001"],
    [345, "../../prefix"],
    [511, "x"],
  ];
  for (const [at, text] of fields) {
    await refused(withField(ARCHIVE, "chunks/0", at, text), /at byte \d+: "chunks\/0" is not a plain file/);
  }
});

test("readArchive() allocates nothing for a size that is not there", async () => {
  await refused(withField(ARCHIVE, "chunks/0", 124, "77777777777"), /has 8589934591 bytes, \d+ are left/);
  // GNU's base-256, for sizes that octal has no room for.
  await refused(withField(ARCHIVE, "chunks/0", 124, "\x80\0\0\0\x7f\xff\xff\xff"), /is not a plain file/);
  await refused(withField(ARCHIVE, "chunks/0", 124, "-0000000001"), /is not a plain file/);
});

test("readArchive() refuses bytes behind the end of a chunk or a map", async () => {
  const [main] = bundleOf(moduleOf("main.ts")).modules;
  assert.ok(main);
  const more = { ...main, chunk: Buffer.concat([main.chunk, Buffer.from("more")]) };
  await refused(
    await writeArchive(bundleOf(more)),
    /module "main\.ts" .*: its chunk ends after \d+ of \d+ bytes/,
  );
  const moreMap = { ...main, map: Buffer.concat([main.map, Buffer.from("more")]) };
  await refused(
    await writeArchive(bundleOf(moreMap)),
    /module "main\.ts" .*: its map ends after \d+ of \d+ bytes/,
  );
});

test("readArchive() inflates no map beyond the largest there can be", async () => {
  const main = moduleOf("main.ts");
  const largest = { ...main, map: deflateRawSync(Buffer.alloc(MAX_MAP_BYTES)) };
  await readArchive(await writeArchive(bundleOf(largest)));
  const bomb = { ...main, map: deflateRawSync(Buffer.alloc(MAX_MAP_BYTES + 1)) };
  await refused(await writeArchive(bundleOf(bomb)), /module "main\.ts" .*: its map cannot be inflated/);
});

test("readArchive() refuses a manifest that another reader might read in another way", async () => {
  const text = Buffer.from(manifest.contents).toString();
  const cases = [
    text.replace('"hash":', '"hash": "0", "hash":'),
    text.replace("main.ts", "\\u006dain.ts"),
    text.replace("\n", "\r\n"),
    ` ${text}`,
    `\ufeff${text}`,
    text.trimEnd(),
  ];
  for (const contents of cases) {
    assert.notEqual(contents, text);
    const archive = await archiveOf([{ name: "manifest.json", contents }, chunk0, map0, chunk1, map1]);
    await refused(archive, /"manifest\.json" is not as it is written|manifest: it is not JSON/);
  }
});

test("readArchive() refuses groups that are not those of the imports", async () => {
  const lazy = bundleOf(
    moduleOf("main.ts", [importOf("lazy.ts", "dynamic"), importOf("other.ts", "dynamic")]),
    moduleOf("lazy.ts", [importOf("inner.ts")], "lazy.ts"),
    moduleOf("inner.ts", [], "lazy.ts"),
    moduleOf("other.ts", [], "other.ts"),
  );
  assert.equal((await readArchive(await writeArchive(lazy))).modules.length, 4);
  const [main, first, inner, other] = lazy.modules as [
    BundledModule,
    BundledModule,
    BundledModule,
    BundledModule,
  ];
  await refused(
    await writeArchive(bundleOf(main, first, { ...inner, group: "other.ts" }, other)),
    /"inner\.ts" is in the group "other\.ts", not in "lazy\.ts"/,
  );
  await refused(
    await writeArchive(bundleOf(main, first, other, inner)),
    /"inner\.ts" does not stand with the others of its group/,
  );
  await refused(
    await writeArchive({ ...lazy, modules: [first, inner, main, other] }),
    /it begins with "lazy\.ts", not with its entry/,
  );
});
