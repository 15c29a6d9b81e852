/** How a far side finds its runtime, in a real sh with a PATH and a home of the test's own. */
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { BootstrapError } from "../../../bootstrap/errors.ts";
import { launch } from "../../../bootstrap/launch.ts";
import { COMMAND, discoveryLine } from "../../../bootstrap/stage0.ts";
import { stage1Text } from "../../../bootstrap/stage1.ts";
import { bundle } from "../../../bundler/bundle.ts";
import type { Bundle } from "../../../bundler/format.ts";
import { findCommand } from "../../packages.ts";
import { writeFiles } from "../bundler/program.ts";
import { farSide, whole } from "./far-side.ts";
import type { Delivery } from "./far-side.ts";

let folder = "";
/** Prints the options that its runtime was given. */
let program: Bundle;
let homes = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "stage0-"));
  await writeFiles(folder, { "package.json": "{}", "main.ts": "console.log(process.execArgv.join());\n" });
  program = await bundle(join(folder, "main.ts"));
});
after(() => rm(folder, { recursive: true }));

/** As on a machine that has nothing in the folders of the whole system. */
const withoutSystemPlaces: Delivery = (bytes, stdin) => {
  const end = bytes.indexOf("\n");
  const line = bytes.toString("latin1", 0, end).replaceAll(/ \/(?:usr|opt|home|snap|run)\/[^ ;]*/g, "");
  return whole(Buffer.concat([Buffer.from(line, "latin1"), bytes.subarray(end)]), stdin);
};

/** A home with these programs; its bin/ is all of the PATH, and has but a sh. */
async function makeHome(programs: Readonly<Record<string, string>>): Promise<string> {
  const home = join(folder, `home ${(homes += 1)} with 'blanks'`);
  await mkdir(join(home, "bin"), { recursive: true });
  await symlink(findCommand("sh") ?? "", join(home, "bin", "sh"));
  for (const [path, script] of Object.entries(programs)) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), `#!/bin/sh\n${script}\n`);
    await chmod(join(home, path), 0o755);
  }
  return home;
}

interface Start {
  readonly programs?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly runtime?: string;
}

/** What the program prints. */
async function start(context: TestContext, { programs = {}, env = {}, runtime }: Start): Promise<string> {
  const home = await makeHome(programs);
  const transport = farSide(context, {
    env: { HOME: home, PATH: join(home, "bin"), ...env },
    deliver: withoutSystemPlaces,
  });
  const launched = await launch({
    transport,
    bundle: program,
    ...(runtime === undefined ? {} : { runtime }),
  });
  launched.stdin.end();
  launched.stderr.resume();
  const [stdout] = await Promise.all([text(launched.stdout), launched.exit]);
  return stdout;
}

async function failureOf(context: TestContext, options: Start): Promise<BootstrapError> {
  const outcome = await start(context, options).catch((error: unknown) => error);
  assert(outcome instanceof BootstrapError, `expected a BootstrapError, got ${String(outcome)}`);
  return outcome;
}

const HERE = `exec '${process.execPath}' "$@"`;
const OLD = "echo v6.17.1";

test("COMMAND holds nothing that a login shell could misread", () => {
  const [, word = ""] = /^sh -c '([^'!\n]*)'$/.exec(COMMAND) ?? [];
  assert.notEqual(word, "");
  assert(COMMAND.length < 64);
});

test("discoveryLine() is one line, and holds stage 1 between double quotes as it is", () => {
  const stage1 = stage1Text(12_345);
  assert.doesNotMatch(stage1, /['"$\\`!\n]/);
  const line = discoveryLine("f".repeat(32), stage1);
  assert.equal(line.indexOf("\n"), line.length - 1);
  assert(line.includes(`"${stage1}"`));
});

test("discoveryLine() refuses a runtime that is not in one line", () => {
  assert.throws(() => discoveryLine("mark", "stage1", "node\nreboot"), RangeError);
});

test("a node on the PATH is used", async (context) => {
  assert.match(await start(context, { programs: { "bin/node": HERE } }), /^-e,/);
});

test("a node that is called nodejs is used", async (context) => {
  assert.match(await start(context, { programs: { "bin/nodejs": HERE } }), /^-e,/);
});

const VERSION_MANAGERS = [
  ".volta/tools/image/node/20.1.0/bin",
  ".nvm/versions/node/v20.1.0/bin",
  ".local/share/fnm/node-versions/v20.1.0/installation/bin",
  ".fnm/node-versions/v20.1.0/installation/bin",
  ".asdf/installs/nodejs/20.1.0/bin",
  ".local/share/mise/installs/node/20.1.0/bin",
  ".nodenv/versions/20.1.0/bin",
  "n/bin",
  ".nix-profile/bin",
];

for (const place of VERSION_MANAGERS) {
  test(`a node that is only in ~/${place} is found, in a home with blanks and quotes`, async (context) => {
    assert.match(await start(context, { programs: { [`${place}/node`]: HERE } }), /^-e,/);
  });
}

test("a node that is too old is passed over for one that will do", async (context) => {
  const programs = {
    "bin/node": OLD,
    ".nvm/versions/node/v4.9.1/bin/node": "echo v4.9.1",
    ".nvm/versions/node/v8.0.0/bin/node": HERE,
  };
  assert.match(await start(context, { programs }), /^-e,/);
});

/** Says that it is that version, and runs ours with a title that tells of it. */
function nodeOf(version: string): string {
  return `[ "$1" = -v ] && echo ${version} && exit\nexec '${process.execPath}' --title=${version} "$@"`;
}

test("of all that are new enough the newest is used, wherever it is", async (context) => {
  const programs = {
    "bin/node": nodeOf("v12.22.12"),
    "bin/nodejs": nodeOf("v8.17.0"),
    ".nvm/versions/node/v20.9.0/bin/node": nodeOf("v20.9.0"),
    ".nvm/versions/node/v20.20.2/bin/node": nodeOf("v20.20.2"),
    "n/bin/node": nodeOf("v20.3.1"),
    ".fnm/node-versions/v6.17.1/installation/bin/node": OLD,
  };
  assert.match(await start(context, { programs }), /^--title=v20\.20\.2,-e,/);
});

test("of two of one version the first is used", async (context) => {
  const programs = { "bin/node": HERE, "n/bin/node": "echo v20.20.2" };
  assert.match(await start(context, { programs }), /^-e,/);
});

test("a Node that will do is used before a Bun or a Deno, and one that is too old is not", async (context) => {
  const bun = `[ "$1" = -v ] && echo 1.4.5 && exit\nexec '${process.execPath}' --title=bun "$@"`;
  const deno = `[ "$1" = -v ] && echo deno 2.9.6 && exit\n[ "$1" = eval ] && shift\nexec '${process.execPath}' --title=deno -e "$@"`;
  const others = { "bin/bun": bun, "bin/deno": deno };
  assert.match(await start(context, { programs: { ...others, "n/bin/node": HERE } }), /^-e,/);
  assert.match(await start(context, { programs: { ...others, "bin/node": OLD } }), /^--title=bun,-e,/);
  assert.match(await start(context, { programs: { "bin/deno": deno } }), /^--title=deno,-e,/);
  assert.match(
    await start(context, { programs: { "bin/deno": deno }, runtime: "deno" }),
    /^--title=deno,-e,/,
  );
  assert.match(await start(context, { programs: { "bin/deno": deno, "n/bin/node": HERE } }), /^-e,/);
});

test("a program that is called node and is none is passed over", async (context) => {
  const programs = { "bin/node": "echo ax25-node 0.3.2", "bin/nodejs": HERE };
  assert.match(await start(context, { programs }), /^-e,/);
});

test("without any runtime the error lists what was tried", async (context) => {
  const error = await failureOf(context, {});
  assert.equal(error.code, "runtime-missing");
  assert.match(error.message, /: tried node: \S*sh: .*not found, nodejs: \S*sh: .*not found$/);
});

test("with nothing but a runtime that is too old the error has its version and place", async (context) => {
  const error = await failureOf(context, { programs: { "n/bin/node": OLD } });
  assert.equal(error.code, "runtime-too-old");
  assert.match(error.message, /blanks'\/n\/bin\/node: v6\.17\.1, .*, needed is Node 8/);
});

test("a runtime with arguments is used as it is given, and no other", async (context) => {
  const runtime = `"$HOME"/else\\where/node --no-deprecation`;
  const programs = { "bin/node": "exit 1", "elsewhere/node": HERE };
  assert.match(await start(context, { programs, runtime }), /^--no-deprecation,-e,/);
});

test("a runtime that does not exist is told by its name, though there is another", async (context) => {
  const error = await failureOf(context, { programs: { "bin/node": HERE }, runtime: "/no/such/node" });
  assert.equal(error.code, "runtime-missing");
  assert.match(error.message, /: tried --runtime: \S*sh: .*\/no\/such\/node.*not found$/);
});

test("a runtime that is named and too old is told by its version", async (context) => {
  const error = await failureOf(context, { programs: { "bin/old": OLD }, runtime: "old" });
  assert.equal(error.code, "runtime-too-old");
  assert.match(error.message, /tried --runtime: v6\.17\.1/);
});

test("a wrapper that reads stdin when asked for its version takes nothing of what follows", async (context) => {
  const wrapper = `[ "$1" = -v ] && while read -r line; do :; done\n${HERE}`;
  assert.match(await start(context, { programs: { "bin/node": wrapper } }), /^-e,/);
});

test("NODE_OPTIONS that the runtime would refuse are not heard", async (context) => {
  const env = { NODE_OPTIONS: "--bogus" };
  assert.match(await start(context, { programs: { "bin/node": HERE }, env }), /^-e,/);
});

test("without a HOME that exists the PATH is still searched", async (context) => {
  const env = { HOME: "/no/such/home" };
  assert.match(await start(context, { programs: { "bin/node": HERE }, env }), /^-e,/);
});

test("a runtime that says it is new enough and cannot start is told in its own words", async (context) => {
  const broken = `[ "$1" = -v ] && echo v20.0.0 && exit\necho "node: /lib/libc.so.6: version GLIBC_2.28 not found" >&2; exit 1`;
  const error = await failureOf(context, { programs: { "bin/node": broken } });
  assert.match(error.message, /GLIBC_2\.28/);
});
