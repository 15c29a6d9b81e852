/** The same sources give the same archive, whoever makes it, where, when, and by which Node. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chown, readFile, utimes } from "node:fs/promises";
import { join, relative } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { runtimePath } from "../lab/runtimes.ts";
import { writeProgram } from "../unit/bundler/program.ts";
import type { Files } from "../unit/bundler/program.ts";

const MAIN = fileURLToPath(new URL("../../client/main.js", import.meta.url));

/** The oldest and the newest that run the near side. */
const NODES = ["20.20.2", "26.10.0"] as const;

const PROGRAM: Files = {
  "main.ts": `import { area } from "./shapes/area.ts"; import pad from "pad"; export const lazy = () => import("./lazy.ts"); console.log(pad(area(2)), import.meta.url);`,
  "shapes/area.ts": `export class Circle { static unit = 1; radius = Circle.unit; }\nexport const area = (r: number): number => r * r * Math.PI;`,
  "lazy.ts": `import data from "./data.json"; export default data;`,
  "data.json": `{ "text": "${"é语🙂".repeat(2000)}" }`,
  "node_modules/pad/index.js": `module.exports = (text) => String(text).padStart(20);`,
  "node_modules/pad/package.json": `{ "name": "pad" }`,
};

interface Circumstances {
  readonly folder: string;
  readonly node?: (typeof NODES)[number];
  readonly umask?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where it is called from, and so how the entry is written. Default: the folder. */
  readonly cwd?: string;
}

async function make(circumstances: Circumstances): Promise<Buffer> {
  const { folder, node = NODES[0], umask = "022", env = {}, cwd = folder } = circumstances;
  const entry = relative(cwd, join(folder, "main.ts"));
  const output = join(folder, "out.tar");
  await promisify(execFile)(
    "sh",
    ["-c", `umask ${umask}; exec "$@"`, "sh", await runtimePath(node), MAIN, "bundle", entry, "-o", output],
    { cwd, env: { PATH: process.env["PATH"] ?? "", ...env } },
  );
  return readFile(output);
}

async function age(folder: string): Promise<void> {
  for (const path of Object.keys(PROGRAM)) {
    await utimes(join(folder, path), 86_400, 86_400);
    if (process.getuid?.() === 0) await chown(join(folder, path), 65_534, 65_534);
  }
}

async function copy(context: TestContext, prefix: string): Promise<string> {
  return writeProgram(context, PROGRAM, prefix);
}

test("an archive's bytes depend on the sources alone", async (context) => {
  const first = await make({ folder: await copy(context, "a-") });
  const aged = await copy(context, "an older one, with blanks and ünïcode-");
  await age(aged);
  const deep = await copy(context, "d-");
  const others: Readonly<Record<string, Circumstances>> = {
    "an older copy of another owner in another folder": { folder: aged },
    "another umask": { folder: await copy(context, "b-"), umask: "077" },
    "another user, language and time zone": {
      folder: await copy(context, "c-"),
      env: {
        HOME: "/nonexistent",
        USER: "nobody",
        LC_ALL: "tr_TR.UTF-8",
        TZ: "Asia/Kathmandu",
        SOURCE_DATE_EPOCH: "1",
      },
    },
    "called from a folder of the project": { folder: deep, cwd: join(deep, "shapes") },
    "called from the root": { folder: await copy(context, "e-"), cwd: "/" },
    "the newest Node": { folder: await copy(context, "f-"), node: NODES[1] },
  };
  for (const [title, circumstances] of Object.entries(others)) {
    assert.ok((await make(circumstances)).equals(first), title);
  }
});

test("another source gives another archive", async (context) => {
  const first = await make({ folder: await copy(context, "a-") });
  const changed = await writeProgram(context, { ...PROGRAM, "data.json": "{}" }, "b-");
  assert.ok(!(await make({ folder: changed })).equals(first));
});
