/** launch() as its callers see it, with a real far side on this machine. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { BootstrapError } from "../../../bootstrap/errors.ts";
import { launch } from "../../../bootstrap/launch.ts";
import { opensshTransport } from "../../../bootstrap/openssh.ts";
import type { LaunchOptions, Launched } from "../../../bootstrap/launch.ts";
import { bundle } from "../../../bundler/bundle.ts";
import { writeProgram } from "../bundler/program.ts";
import type { Files } from "../bundler/program.ts";
import { farSide } from "./far-side.ts";

type Options = Partial<Omit<LaunchOptions, "bundle">>;

async function start(
  context: TestContext,
  program: string | Files,
  options: Options = {},
): Promise<Launched> {
  const files = typeof program === "string" ? { "main.ts": program } : program;
  const bundled = await bundle(join(await writeProgram(context, files), "main.ts"));
  return launch({ transport: farSide(context), bundle: bundled, ...options });
}

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

/** What comes of it, with nothing more on its stdin. */
async function outcomeOf(launched: Launched): Promise<Outcome> {
  launched.stdin.end();
  const [stdout, stderr, { code }] = await Promise.all([
    text(launched.stdout),
    text(launched.stderr),
    launched.exit,
  ]);
  return { stdout, stderr, code };
}

async function run(context: TestContext, program: string | Files, options: Options = {}): Promise<Outcome> {
  return outcomeOf(await start(context, program, options));
}

/** Throws with a known place in a module that is not the entry, behind lines that leave nothing in the output. */
const THROWING: Files = {
  "main.ts":
    'import { fail } from "./lib/fail.ts";\n\ninterface Gone {\n  a: number;\n}\n\nfail({ a: 1 } as Gone);\n',
  "lib/fail.ts":
    '/** A comment. */\ntype Gone = unknown;\n\nexport function fail(value: Gone): void {\n  if (value) throw new TypeError("no such thing");\n}\n',
};
const TRACE =
  "TypeError: no such thing\n    at fail (lib/fail.ts:5:20)\n    at Object.<anonymous> (main.ts:7:1)\n";
const LINES =
  /^TypeError: no such thing\n {4}at fail \(lib\/fail\.ts:5:~\d+\)\n {4}at Object\.<anonymous> \(main\.ts:7:~\d+\)\n/;

test("launch() gives the program arguments and environment, whatever is in them", async (context) => {
  const args = ["", "two words", "'\"$`\\!\n", "ü€😀"];
  const program =
    "console.log(JSON.stringify([process.argv.slice(2), process.env.GIVEN, process.env.FAR_SIDE]));";
  const { stdout } = await run(context, program, { args, env: { GIVEN: "a=b\n'c'" } });
  const [argv, given, inherited] = JSON.parse(stdout) as [string[], string, string];
  assert.deepEqual([argv, given], [args, "a=b\n'c'"]);
  assert.match(inherited, /^[0-9a-f]{16}$/);
});

test("launch() starts a program that is Node's main module, with the filename of its place in the project", async (context) => {
  const program = `declare const require: { main: unknown };
declare const module: unknown;
declare const __filename: string;
console.log(JSON.stringify([require.main === module, __filename, process.argv[1]]));
`;
  const { stdout } = await run(context, program);
  assert.deepEqual(JSON.parse(stdout), [true, "/main.ts", "/main.ts"]);
});

test("Launched.exit has the program's status", async (context) => {
  assert.equal((await run(context, "process.exitCode = 7;")).code, 7);
  assert.equal((await run(context, "process.exit(8);")).code, 8);
});

test("a program that never reads its stdin ends by itself", async (context) => {
  const launched = await start(context, 'console.log("done");', { input: Buffer.from("not read") });
  launched.stderr.resume();
  assert.equal(await text(launched.stdout), "done\n");
  assert.deepEqual(await launched.exit, { code: 0, signal: null });
  launched.stdin.destroy();
});

test("Launched.runtime is that of the program", async (context) => {
  const launched = await start(context, "console.log(process.versions.node, process.pid);");
  const { name, version, platform, arch, pid } = launched.runtime;
  const { stdout } = await outcomeOf(launched);
  assert.deepEqual([name, platform, arch], ["node", process.platform, process.arch]);
  assert.equal(stdout, `${version} ${pid}\n`);
});

test("Launched.stdin, stdout and stderr are three streams of bytes", async (context) => {
  const program = `process.stdin.on("data", (bytes) => {
  process.stdout.write(bytes);
  process.stderr.write(String(bytes.length));
});`;
  const launched = await start(context, program);
  const bytes = randomBytes(1000);
  launched.stdin.end(bytes);
  const [stdout, stderr] = await Promise.all([buffer(launched.stdout), text(launched.stderr), launched.exit]);
  assert.deepEqual(stdout, bytes);
  assert.match(stderr, /^\d+$/);
});

test("Launched.duplex() carries both ways, and each end of it", async (context) => {
  const launched = await start(context, "process.stdin.pipe(process.stdout);");
  launched.stderr.resume();
  const duplex = launched.duplex();
  const bytes = randomBytes(300_000);
  duplex.end(bytes);
  assert.deepEqual(await buffer(duplex), bytes);
  assert.equal((await launched.exit).code, 0);
});

test("launch() sends the first input before what is written later", async (context) => {
  const launched = await start(context, "process.stdin.pipe(process.stdout);", {
    input: Buffer.from("first, "),
  });
  launched.stdin.write("second, ");
  launched.stdin.write("third");
  assert.equal((await outcomeOf(launched)).stdout, "first, second, third");
});

const READERS: Readonly<Record<string, string>> = {
  "by data": 'process.stdin.on("data", take).on("end", done);',
  "by readable": `process.stdin.on("readable", () => {
  for (let bytes = process.stdin.read(); bytes !== null; bytes = process.stdin.read()) take(bytes);
}).on("end", done);`,
  "by pause and resume":
    'process.stdin.pause(); process.stdin.on("data", take).on("end", done); process.stdin.resume();',
  "later by data": 'setTimeout(() => process.stdin.on("data", take).on("end", done), 50);',
  "later by readable":
    'setTimeout(() => process.stdin.on("readable", () => { const bytes = process.stdin.read(); if (bytes !== null) take(bytes); }).on("end", done), 50);',
};

for (const [how, reader] of Object.entries(READERS)) {
  test(`a program that reads its stdin ${how} gets all of it`, async (context) => {
    const program = `let count = 0;
const take = (bytes: Buffer): void => { count += bytes.length; };
const done = (): void => console.log(count);
${reader}`;
    for (const bytes of [0, 5, 200_000]) {
      const { stdout } = await run(context, program, { input: Buffer.alloc(bytes) });
      assert.equal(stdout, `${bytes}\n`);
    }
  });
}

test("output that came before anyone attached is not lost, nor what the program left behind when it ended", async (context) => {
  const program = 'process.stdout.write("x".repeat(200_000)); process.stderr.write("y".repeat(50_000));';
  const launched = await start(context, program);
  launched.stdin.end();
  // The far side has ended, or waits for a reader, by the time this one has come and gone.
  await run(context, "");
  const { stdout, stderr, code } = await outcomeOf(launched);
  assert.deepEqual([stdout.length, stderr.length, code], [200_000, 50_000, 0]);
});

test("output is not lost if the caller attaches at once", async (context) => {
  const launched = await start(context, 'process.stdout.write("x".repeat(200_000));');
  let bytes = 0;
  launched.stdout.on("data", (chunk: Buffer) => (bytes += chunk.length));
  launched.stderr.resume();
  launched.stdin.end();
  await Promise.all([once(launched.stdout, "end"), launched.exit]);
  assert.equal(bytes, 200_000);
});

test("an error at load ends with 99 and a trace of exact places", async (context) => {
  const { stdout, stderr, code } = await run(context, THROWING);
  assert.deepEqual([stdout, code], ["", 99]);
  assert.equal(stderr.slice(0, TRACE.length), TRACE);
});

test('maps "none" leaves the lines right', async (context) => {
  const { stderr } = await run(context, THROWING, { maps: "none" });
  assert.match(stderr, LINES);
});

test('maps "after" are exact from addMaps() on', async (context) => {
  const late: Files = {
    "lib/fail.ts": THROWING["lib/fail.ts"] ?? "",
    "main.ts": `import { addMaps } from "sshuttle:loader";
import { fail } from "./lib/fail.ts";

const trace = (): string => {
  try {
    fail(1);
  } catch (error) {
    return (error as Error).stack!.split("\\n")[1]!;
  }
  return "";
};
const before = trace();
const chunks: Buffer[] = [];
process.stdin.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => {
  addMaps(Buffer.concat(chunks));
  console.log(JSON.stringify([before, trace()]));
});
`,
  };
  const launched = await start(context, late, { maps: "after" });
  launched.stdin.write(launched.mapsPayload);
  const { stdout, stderr } = await outcomeOf(launched);
  assert.equal(stderr, "");
  const [before, then] = JSON.parse(stdout) as [string, string];
  assert.match(before, /^ {4}at fail \(lib\/fail\.ts:5:~\d+\)$/);
  assert.equal(then, "    at fail (lib/fail.ts:5:20)");
});

test('Launched.mapsPayload is empty unless maps are "after"', async (context) => {
  const launched = await start(context, "");
  assert.equal(launched.mapsPayload.length, 0);
  await outcomeOf(launched);
});

test("an error later, a rejection that nobody handles, and a thrown text end with 99 and say so", async (context) => {
  const later = 'setTimeout(() => { throw new Error("later"); }, 1);';
  const rejected = 'void Promise.reject(new Error("rejected"));';
  const thrown = 'throw "a text";';
  for (const [program, words] of [
    [later, /^Error: later\n {4}at .*main\.ts:1:26/],
    [rejected, /^Error: rejected\n {4}at .*main\.ts:1:21/],
    [thrown, /^Uncaught 'a text'/],
  ] as const) {
    const { stderr, code } = await run(context, program);
    assert.match(stderr, words);
    assert.equal(code, 99);
  }
});

test("a program that handles its uncaught errors itself is left alone", async (context) => {
  const program = `process.on("uncaughtException", () => { console.log("handled"); });
setTimeout(() => { throw new Error("later"); }, 1);`;
  const { stdout, stderr, code } = await run(context, program);
  assert.deepEqual([stdout, stderr, code], ["handled\n", "", 0]);
});

test("Launched.kill() ends the program, and exit has the signal", async (context) => {
  const launched = await start(context, "setInterval(() => undefined, 1000);");
  launched.stdout.resume();
  launched.stderr.resume();
  launched.kill("SIGTERM");
  assert.deepEqual(await launched.exit, { code: null, signal: "SIGTERM" });
  assert.equal(typeof launched.pid, "number");
});

async function failureOf(
  context: TestContext,
  script: string,
  readyTimeoutMs?: number,
): Promise<{ readonly error: BootstrapError; readonly ms: number }> {
  const startMs = performance.now();
  const options = readyTimeoutMs === undefined ? {} : { readyTimeoutMs };
  const outcome = await start(context, "", { transport: farSide(context, { script }), ...options }).catch(
    (error: unknown) => error,
  );
  assert(outcome instanceof BootstrapError, `expected a BootstrapError, got ${String(outcome)}`);
  return { error: outcome, ms: performance.now() - startMs };
}

test("a far side that says nothing is told and ended when the time is over", async (context) => {
  const { error, ms } = await failureOf(context, "exec sleep 60", 300);
  assert.equal(error.code, "far-side-silent");
  assert(ms > 300 && ms < 4000, `${ms} ms`);
});

test("a far side that says nothing and hears no SIGTERM is ended, too", async (context) => {
  const { error } = await failureOf(context, "trap '' TERM; exec sleep 60", 300);
  assert.equal(error.code, "far-side-silent");
});

test("what a far side says keeps it from being silent", async (context) => {
  const chatty = "for i in 1 2 3 4 5 6 7 8; do echo $i >&2; sleep 0.1; done; exit 3";
  const { error } = await failureOf(context, chatty, 500);
  assert.equal(error.code, "shell-refused");
  assert.match(error.message, /ended with 3/);
});

test("a far side that closes its output and lives on is told so, and ended", async (context) => {
  const { error } = await failureOf(context, "exec sleep 60 >&- 2>&-");
  assert.equal(error.code, "shell-refused");
  assert.match(error.message, /closed its output before ours began/);
});

test("a transport whose program does not exist is told by its name", async (context) => {
  const transport = opensshTransport({ destination: "host", sshCommand: ["/no/such/ssh"] });
  await assert.rejects(start(context, "", { transport }), { code: "ssh-missing", message: /no\/such\/ssh/ });
});
