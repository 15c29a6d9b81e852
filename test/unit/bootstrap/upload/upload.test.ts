/** A far side without a runtime gets one: in real shells, with PATHs and homes of the test's own. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { BootstrapError } from "../../../../bootstrap/errors.ts";
import { launch } from "../../../../bootstrap/launch.ts";
import type { RuntimeFile } from "../../../../bootstrap/runtime-provider.ts";
import { cachedName } from "../../../../bootstrap/upload/scripts.ts";
import { bundle } from "../../../../bundler/bundle.ts";
import type { Bundle } from "../../../../bundler/format.ts";
import { findCommand } from "../../../packages.ts";
import { writeFiles } from "../../bundler/program.ts";
import { farSide, whole } from "../far-side.ts";
import type { Delivery, FarSideOptions } from "../far-side.ts";
import { OneRuntime, writeRuntime } from "./fake-runtime.ts";

/** All that an upload needs of a machine. */
const TOOLS: readonly string[] =
  "sh uname getconf gzip head sha256sum id mkdir ls chmod mv rm df wc cat echo [ kill".split(" ");

let folder = "";
let echo: Bundle;
let file: RuntimeFile;
let homes = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "upload-"));
  await writeFiles(folder, {
    "package.json": "{}",
    "main.ts":
      "process.stdin.pipe(process.stdout);\nprocess.stdin.on('end', () => console.error('read it all'));\n",
  });
  echo = await bundle(join(folder, "main.ts"));
  file = await writeRuntime(join(folder, "runtime"));
});
after(() => rm(folder, { recursive: true }));

/** Stage 0's own search must not find a runtime in the folders of the whole system. */
const withoutSystemPlaces: Delivery = (bytes, stdin) => {
  const end = bytes.indexOf("\n");
  const line = bytes.toString("latin1", 0, end).replaceAll(/ \/(?:usr|opt|home|snap|run)\/[^ ;]*/g, "");
  return whole(Buffer.concat([Buffer.from(line, "latin1"), bytes.subarray(end)]), stdin);
};

interface Machine {
  readonly home: string;
  /** The first place for runtimes. */
  readonly cache: string;
  readonly env: Record<string, string>;
}

async function makeMachine(tools: readonly string[] = TOOLS): Promise<Machine> {
  const home = join(folder, `home ${(homes += 1)} with 'blanks'`);
  const bin = join(home, "bin");
  await mkdir(bin, { recursive: true });
  for (const tool of tools) await symlink(findCommand(tool) ?? tool, join(bin, tool));
  return { home, cache: join(home, ".cache", "sshuttle"), env: { HOME: home, PATH: bin } };
}

interface Start extends Omit<FarSideOptions, "env"> {
  readonly provider?: OneRuntime | undefined;
  readonly runtime?: string;
}

const INPUT = Buffer.from("\0\r\n\u0003\u0004'\"$`\\!".repeat(5000));

/** What the program says on stderr, once it has echoed its first input and what came later. */
async function start(context: TestContext, { env }: Machine, options: Start = {}): Promise<string> {
  const { provider, runtime, ...rest } = options;
  const launched = await launch({
    transport: farSide(context, { deliver: withoutSystemPlaces, ...rest, env }),
    bundle: echo,
    input: INPUT,
    runtime,
    runtimes: provider,
  });
  launched.stdin.end("later");
  const [stdout, stderr, exit] = await Promise.all([
    text(launched.stdout),
    text(launched.stderr),
    launched.exit,
  ]);
  assert.equal(stdout, `${INPUT.toString()}later`);
  assert.equal(exit.code, 0);
  return stderr;
}

async function failureOf(context: TestContext, machine: Machine, options: Start): Promise<BootstrapError> {
  const outcome = await start(context, machine, options).catch((error: unknown) => error);
  assert(outcome instanceof BootstrapError, `expected a BootstrapError, got ${String(outcome)}`);
  return outcome;
}

async function nameOf(provider: OneRuntime): Promise<string> {
  const [target] = provider.targets;
  assert(target !== undefined);
  return cachedName(file, target);
}

test("it is uploaded once, verified, private, and started from then on", async (context) => {
  const machine = await makeMachine();
  const provider = new OneRuntime(file);
  assert.equal(await start(context, machine, { provider }), "read it all\n");
  const { uploads } = provider;
  assert.deepEqual([uploads.length, provider.targets[0]?.arch], [1, process.arch]);
  assert(Number(uploads[0]) > 290_000, "random bytes do not compress");
  assert.deepEqual(await readdir(machine.cache), [await nameOf(provider)]);
  assert.equal((await stat(machine.cache)).mode & 0o7777, 0o700);
  assert.equal((await stat(join(machine.cache, await nameOf(provider)))).mode & 0o7777, 0o700);
  assert.equal(await start(context, machine, { provider }), "read it all\n");
  assert.equal(uploads.length, 1);
});

for (const sh of ["dash", "bash", "zsh", "ksh93", "mksh", "busybox"]) {
  test(`it is uploaded once where sh is ${sh}`, async (context) => {
    const machine = await makeMachine(TOOLS.filter((tool) => tool !== "sh"));
    await symlink(findCommand(sh) ?? sh, join(machine.env["PATH"] ?? "", "sh"));
    const provider = new OneRuntime(file);
    for (const stdin of ["socket", "pipe"] as const) await start(context, machine, { provider, stdin });
    assert.equal(provider.uploads.length, 1);
  });
}

test("it is uploaded to a machine that has nothing but busybox", async (context) => {
  const machine = await makeMachine([]);
  for (const tool of TOOLS)
    await symlink(findCommand("busybox") ?? "", join(machine.env["PATH"] ?? "", tool));
  const provider = new OneRuntime(file);
  for (let starts = 0; starts < 2; starts++) await start(context, machine, { provider });
  assert.equal(provider.uploads.length, 1);
});

test("it is uploaded where the only Node is too old", async (context) => {
  const machine = await makeMachine();
  await writeFile(join(machine.env["PATH"] ?? "", "node"), "#!/bin/sh\necho v6.17.1\n", { mode: 0o755 });
  const provider = new OneRuntime(file);
  await start(context, machine, { provider });
  assert.equal(provider.uploads.length, 1);
});

test("it is not uploaded where a runtime is named, or none may be", async (context) => {
  const machine = await makeMachine();
  const provider = new OneRuntime(file);
  const named = await failureOf(context, machine, { provider, runtime: "/no/such/node" });
  const refused = await failureOf(context, machine, {});
  assert.deepEqual([named.code, refused.code], ["runtime-missing", "runtime-missing"]);
  assert.deepEqual(provider.targets, []);
});

test("one that was changed since is never started, and uploaded again", async (context) => {
  const machine = await makeMachine();
  const provider = new OneRuntime(file);
  await start(context, machine, { provider });
  const cached = join(machine.cache, await nameOf(provider));
  const bytes = await readFile(cached);
  await writeFile(cached, Buffer.concat([Buffer.from("#!/bin/sh\nexit 3 #"), bytes.subarray(18)]));
  await start(context, machine, { provider });
  assert.equal(provider.uploads.length, 2);
  assert.deepEqual(await readFile(cached), await readFile(file.path));
});

test("a link in its place is not followed", async (context) => {
  const machine = await makeMachine();
  const provider = new OneRuntime(file);
  await start(context, machine, { provider });
  const cached = join(machine.cache, await nameOf(provider));
  const elsewhere = join(machine.home, "elsewhere");
  await rm(cached);
  await writeFile(elsewhere, await readFile(file.path), { mode: 0o700 });
  await symlink(elsewhere, cached);
  await start(context, machine, { provider });
  assert.equal(provider.uploads.length, 2);
  assert((await stat(cached)).isFile());
});

const UNSAFE: Readonly<Record<string, (cache: string) => Promise<unknown>>> = {
  "a folder that others may read": (cache) => mkdir(cache, { mode: 0o755 }),
  "a link to a folder": async (cache) => {
    await mkdir(`${cache}-elsewhere`, { mode: 0o700 });
    await symlink(`${cache}-elsewhere`, cache);
  },
  "a file": (cache) => writeFile(cache, ""),
};

for (const [what, make] of Object.entries(UNSAFE)) {
  test(`${what} in place of its folder is passed over for the next place`, async (context) => {
    const machine = await makeMachine();
    await mkdir(dirname(machine.cache));
    await make(machine.cache);
    const provider = new OneRuntime(file);
    for (let starts = 0; starts < 2; starts++) await start(context, machine, { provider });
    assert.equal(provider.uploads.length, 1);
    assert.deepEqual(await readdir(join(machine.home, ".sshuttle")), [await nameOf(provider)]);
  });
}

test("a place with too little room is passed over for the next", async (context) => {
  const machine = await makeMachine(TOOLS.filter((tool) => tool !== "df"));
  const df = `#!/bin/sh\necho Filesystem and so on\ncase $2 in */.cache/*) echo disk 9 9 4100 1% /;; *) echo disk 9 9 9999999 1% /;; esac\n`;
  await writeFile(join(machine.env["PATH"] ?? "", "df"), df, { mode: 0o755 });
  const provider = new OneRuntime(file);
  await start(context, machine, { provider });
  assert.deepEqual(await readdir(join(machine.home, ".sshuttle")), [await nameOf(provider)]);
  assert.deepEqual(await readdir(machine.cache), []);
});

test("XDG_CACHE_HOME is heard if it is absolute", async (context) => {
  const machine = await makeMachine();
  const elsewhere = join(machine.home, "xdg");
  const provider = new OneRuntime(file);
  await start(context, { ...machine, env: { ...machine.env, XDG_CACHE_HOME: elsewhere } }, { provider });
  assert.deepEqual(await readdir(join(elsewhere, "sshuttle")), [await nameOf(provider)]);
  await start(context, { ...machine, env: { ...machine.env, XDG_CACHE_HOME: "xdg" } }, { provider });
  assert.deepEqual(await readdir(join(machine.home, ".sshuttle")), [await nameOf(provider)]);
});

test("two uploads at once leave one runtime and nothing else", async (context) => {
  const machine = await makeMachine();
  const provider = new OneRuntime(file);
  await Promise.all([1, 2, 3].map(() => start(context, machine, { provider })));
  assert.deepEqual(await readdir(machine.cache), [await nameOf(provider)]);
});

test("without gzip there it is sent as it is", async (context) => {
  const machine = await makeMachine(TOOLS.filter((tool) => tool !== "gzip"));
  const provider = new OneRuntime(file);
  await start(context, machine, { provider });
  assert.deepEqual(provider.uploads, [file.bytes]);
});

for (const [tool, words] of [
  ["head", /there is no head that takes -c/],
  ["sha256sum", /there is no sha256sum, shasum, sha256 or openssl to verify it by/],
] as const) {
  test(`without ${tool} there nothing is sent, and the error says so`, async (context) => {
    const machine = await makeMachine(TOOLS.filter((name) => name !== tool));
    const provider = new OneRuntime(file);
    const error = await failureOf(context, machine, { provider });
    assert.equal(error.code, "runtime-upload");
    assert.match(error.message, words);
    assert.deepEqual(provider.uploads, []);
  });
}

test("one that does not start there is not kept, and the error has its words", async (context) => {
  const machine = await makeMachine();
  const broken = await writeRuntime(
    join(machine.home, "broken"),
    "echo 'libstdc++.so.6: cannot open' >&2; exit 127",
  );
  const provider = new OneRuntime({ ...broken, assumes: ["libstdc++.so.6"] });
  const error = await failureOf(context, machine, { provider });
  assert.match(
    error.message,
    /does not start there: .*libstdc\+\+\.so\.6: cannot open.*it needs libstdc\+\+/,
  );
  assert.deepEqual(await readdir(machine.cache), []);
});

test("of older runtimes the latest is kept, and of uploads that were cut nothing", async (context) => {
  const machine = await makeMachine();
  await mkdir(machine.cache, { recursive: true, mode: 0o700 });
  const dead = `.upload-${hostname()}-4194304`;
  const alive = `.upload-${hostname()}-${process.pid}`;
  for (const [name, age] of [
    ["runtime-a", 300],
    ["runtime-b", 100],
    ["runtime-c", 200],
    [dead, 1],
    [alive, 1],
    ["foreign", 900],
  ] as const) {
    await writeFile(join(machine.cache, name), "", { mode: 0o700 });
    await utimes(join(machine.cache, name), new Date(), new Date(Date.now() - age * 1000));
  }
  const provider = new OneRuntime(file);
  await start(context, machine, { provider });
  const expected = ["runtime-b", await nameOf(provider), alive, "foreign"];
  assert.deepEqual((await readdir(machine.cache)).toSorted(), expected.toSorted());
});

test("an upload that is cut is told as such, and nothing of it is left", async (context) => {
  const machine = await makeMachine();
  const provider = new OneRuntime(file);
  let written = 0;
  const cut: Delivery = async (bytes, stdin) => {
    await withoutSystemPlaces(bytes, stdin);
    const write = stdin.write.bind(stdin) as (chunk: Buffer, done: () => void) => boolean;
    stdin.write = ((chunk: Buffer, done: () => void) => {
      written += chunk.length;
      if (written > 200_000) stdin.end();
      else return write(chunk, done);
      done();
      return true;
    }) as typeof stdin.write;
  };
  const error = await failureOf(context, machine, { provider, deliver: cut });
  assert.match(
    error.message,
    /; it had no runtime, and (node 20\.20\.2 was being uploaded|after .* bytes could be written.* was looked for)$/,
  );
  assert.deepEqual(await readdir(machine.cache), []);
});

/** Finds the mark in our line, and says what it likes. */
function liar(answer: string): string {
  return `IFS= read -r x; k=\${x#*;k=}; k=\${k%%;*}; echo "$k 97 tried: lies" >&2; while IFS= read -r x; do case $x in $k*) ${answer};; esac; done`;
}

const LIES: readonly (readonly [what: string, answer: string, words: RegExp])[] = [
  ["answers nonsense", 'echo "$k nonsense" >&2', /what it says of itself is not understood/],
  ["ends", "exit 3", /ended with 3.*it had no runtime, and it was asked what machine it is/],
  [
    "offers the same place for ever",
    'case $x in *uname*) echo "$k machine Linux|x86_64|64|ok|ok|dc51b8c96c2d745df3bd5590d990230a482fd247123599548e0632fdbf97fc22|glibc 2.36|" >&2;; *) echo "$k place 1 /x" >&2;; esac',
    /Cannot upload node 20\.20\.2/,
  ],
];

for (const [what, answer, words] of LIES) {
  test(`a far side that ${what} is an error in bounded time`, async (context) => {
    const machine = await makeMachine();
    const error = await failureOf(context, machine, { provider: new OneRuntime(file), script: liar(answer) });
    assert.match(error.message, words);
  });
}
