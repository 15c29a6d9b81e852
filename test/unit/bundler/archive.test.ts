import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { extract } from "tar-stream";
import { buffer } from "node:stream/consumers";
import { readArchive, writeArchive } from "../../../bundler/archive.ts";
import { hashBundle } from "../../../bundler/bundle-hash.ts";
import { bundle } from "../../../bundler/bundle.ts";
import type { Bundle, BundledModule } from "../../../bundler/format.ts";
import { MAX_CODE_BYTES, MAX_TOTAL_CODE_BYTES } from "../../../bundler/inflate.ts";
import { writeProgram } from "./program.ts";

const BUNDLER = fileURLToPath(new URL("../../../../bundler", import.meta.url));

async function smallBundle(context: TestContext): Promise<Bundle> {
  const folder = await writeProgram(context, {
    "main.ts": 'import { a } from "./a.ts"; import "fs"; export const lazy = () => import("./lazy.ts"); a();',
    "a.ts": "export function a(): void {\n  throw new Error('a');\n}",
    "lazy.ts": "export {};",
  });
  return bundle(join(folder, "main.ts"));
}

/** A bundle of one module, rightly hashed unless told otherwise. */
function oneModule(changes: Partial<BundledModule> = {}, text = "f();"): Bundle {
  const module: BundledModule = {
    filename: "main.ts",
    group: "",
    imports: [],
    sourceBytes: 4,
    codeBytes: text.length,
    usesDictionary: false,
    chunk: deflateRawSync(text),
    map: deflateRawSync("{}"),
    sha256: createHash("sha256").update(text).digest("hex"),
    ...changes,
  };
  return { hash: hashBundle("main.ts", [module]), entry: "main.ts", modules: [module] };
}

async function refused(damaged: Bundle, message: RegExp): Promise<void> {
  await assert.rejects(readArchive(await writeArchive(damaged)), {
    code: "bundle-damaged",
    exitCode: 74,
    message,
  });
}

test("readArchive() gives back what writeArchive() wrote", async (context) => {
  const made = await smallBundle(context);
  const read = await readArchive(await writeArchive(made));
  assert.equal(read.hash, made.hash);
  assert.equal(read.entry, made.entry);
  assert.equal(read.modules.length, made.modules.length);
  for (const [index, module] of read.modules.entries()) {
    const { chunk, map, ...rest } = module;
    const { chunk: madeChunk, map: madeMap, ...madeRest } = made.modules[index] ?? module;
    assert.deepEqual(rest, madeRest);
    assert.ok(Buffer.from(chunk).equals(madeChunk));
    assert.ok(Buffer.from(map).equals(madeMap));
  }
});

test("writeArchive() writes the same bytes each time", async (context) => {
  const made = await smallBundle(context);
  assert.deepEqual(await writeArchive(made), await writeArchive(made));
});

test("reading an archive, and inspecting it, loads no package", async () => {
  for (const file of ["archive.ts", "inspect.ts", "format.ts"]) {
    const made = await bundle(join(BUNDLER, file));
    const loaded = made.modules.filter(({ group }) => group === "").map(({ filename }) => filename);
    assert.deepEqual(
      loaded.filter((filename) => !filename.startsWith("bundler/")),
      [],
    );
  }
});

test("an archive is a tar for tar-stream and for tar, without times and owners", async (context) => {
  const archive = await writeArchive(await smallBundle(context));
  const reader = extract();
  reader.end(Buffer.from(archive));
  const names: string[] = [];
  for await (const entry of reader) {
    names.push(entry.header.name);
    assert.deepEqual([entry.header.mtime?.getTime(), entry.header.uid, entry.header.gid], [0, 0, 0]);
    await buffer(entry);
  }
  const modules = ["0", "1", "2"].flatMap((index) => [`chunks/${index}`, `maps/${index}`]);
  assert.deepEqual(names, ["manifest.json", ...modules, "sha256"]);
  assert.deepEqual(
    execFileSync("tar", ["-t"], { input: archive, encoding: "utf8" }).trim().split("\n"),
    names,
  );
});

test("the last file of an archive holds the sha256 of all before it", async () => {
  const archive = Buffer.from(await writeArchive(oneModule()));
  const header = archive.lastIndexOf("sha256\0");
  const digest = createHash("sha256").update(archive.subarray(0, header)).digest("hex");
  assert.equal(archive.toString("latin1", header + 512, header + 512 + 64), digest);
});

test("readArchive() refuses what is no archive, or not all of one", async () => {
  await assert.rejects(readArchive(new Uint8Array()), { code: "bundle-damaged" });
  await assert.rejects(readArchive(Buffer.alloc(1024)), {
    code: "bundle-damaged",
    message: /begins with nothing/,
  });
  await assert.rejects(readArchive(Buffer.alloc(2048, "x")), {
    code: "bundle-damaged",
    message: /at byte 0/,
  });
  const archive = await writeArchive(oneModule());
  for (const length of [1, 511, 512, 1000, archive.length - 1024, archive.length - 1]) {
    await assert.rejects(
      readArchive(archive.subarray(0, length)),
      { code: "bundle-damaged" },
      `${length} bytes`,
    );
  }
  await assert.rejects(readArchive(Buffer.concat([archive, Buffer.alloc(512)])), { code: "bundle-damaged" });
});

test("readArchive() stops inflating at the size that was announced", async () => {
  const bomb = "\0".repeat(50_000_000);
  await refused(
    oneModule({ chunk: deflateRawSync(bomb) }),
    /^Cannot read module "main\.ts" of the bundle: its chunk cannot/,
  );
});

test("readArchive() believes no size above the limits", async () => {
  await refused(oneModule({ codeBytes: MAX_CODE_BYTES + 1 }), /"main\.ts" .* at most 67108864/);
  const [module] = oneModule({ codeBytes: MAX_CODE_BYTES }).modules;
  assert.ok(module);
  const count = MAX_TOTAL_CODE_BYTES / MAX_CODE_BYTES + 1;
  const modules = Array.from({ length: count }, (_, index) => ({ ...module, filename: `${index}.ts` }));
  await refused(
    { hash: hashBundle("0.ts", modules), entry: "0.ts", modules },
    /its modules have \d+ bytes, at most/,
  );
});

test("readArchive() accepts a text of the largest size", async () => {
  const text = " ".repeat(MAX_CODE_BYTES);
  const read = await readArchive(await writeArchive(oneModule({}, text)));
  assert.equal(read.modules[0]?.codeBytes, MAX_CODE_BYTES);
});

test("readArchive() accepts an empty text", async () => {
  assert.equal((await readArchive(await writeArchive(oneModule({}, "")))).modules[0]?.codeBytes, 0);
});

test("readArchive() compares text, sizes and hashes", async () => {
  await refused(oneModule({ chunk: deflateRawSync("g();") }), /"main\.ts" .* does not match its sha256/);
  await refused(oneModule({ chunk: deflateRawSync("f()") }), /its text has 3 bytes, 4 were announced/);
  await refused(
    { ...oneModule(), hash: "0".repeat(64) },
    /its hash is [0-9a-f]{64}, the manifest says 0{64}$/,
  );
});

test("readArchive() names the module whose map was changed", async () => {
  const archive = Buffer.from(await writeArchive(oneModule()));
  const map = archive.lastIndexOf("maps/0\0") + 512;
  archive[map] = (archive[map] ?? 0) ^ 1;
  await assert.rejects(readArchive(archive), {
    code: "bundle-damaged",
    message: 'Cannot read the archive: the map of "main.ts" does not match its sha256',
  });
});

test("readArchive() refuses names that lead nowhere, or out of the project", async () => {
  await refused({ ...oneModule(), entry: "other.ts" }, /its entry "other\.ts" is not in it/);
  await refused(oneModule({ group: "other.ts" }), /"main\.ts" is in the group "other\.ts", not in ""/);
  const edge = { specifier: "./b.ts", filename: "b.ts", kind: "static" } as const;
  await refused(oneModule({ imports: [edge] }), /"main\.ts" imports "b\.ts", which is not in it/);
  for (const filename of ["../x.ts", "/x.ts", "a//b.ts", "", "a/./b.ts", "a\0b"]) {
    await refused({ ...oneModule({ filename }), entry: filename }, /modules\[0\]\.filename .*not a path/);
  }
  const [module] = oneModule().modules;
  assert.ok(module);
  await refused({ ...oneModule(), modules: [module, module] }, /two of its modules have the same filename/);
});
