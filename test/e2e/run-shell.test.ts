/** `sshuttle run` in the command lines of a shell, over a real sshd: pipes, statuses, signals, and what is not there. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import type { Output } from "../lab/lab-process.ts";
import { writeFiles } from "../unit/bundler/program.ts";

const lab = await createLab();
after(() => lab.close());
const folder = join(lab.directory, "program");
mkdirSync(folder);
await writeFiles(folder, {
  "package.json": "{}",
  "count.ts": `import { readFileSync } from "fs";
console.log(readFileSync(0).length, JSON.stringify(process.argv.slice(2)));`,
  "hash.ts": `import { createHash } from "crypto";
const hash = createHash("sha256");
process.stdin.on("data", (data) => hash.update(data)).on("end", () => console.log(hash.digest("hex")));`,
  "bytes.ts": `process.stdout.write(Buffer.from(Array.from({ length: 65536 }, (_, i) => i * 7)));`,
  "end.ts": `const [, , how] = process.argv;
if (/^\\d+$/.test(how)) process.exit(Number(how));
process.kill(process.pid, how);
setInterval(() => undefined, 1000);`,
  "closes.ts": `import { closeSync, writeSync } from "fs";
writeSync(1, "last words\\n");
closeSync(1);
process.stdin.once("data", (data) => {
  console.error("heard", data.toString().trim());
  process.exit();
});`,
  "endless.ts": `let line = 0;
function write(): void {
  while (process.stdout.write("line " + ++line + "\\n"));
}
process.stdout.on("drain", write).on("error", (error: NodeJS.ErrnoException) => {
  console.error("stopped by", error.code);
  process.exit(3);
});
write();`,
  "env.ts": `console.log(JSON.stringify(process.argv.slice(2).map((name) => process.env[name])));`,
  "waits.ts": `console.log("up");
setInterval(() => undefined, 1000);`,
  "handles.ts": `process.on("SIGTERM", () => {
  console.log("tidied up");
  process.exit(4);
});
setInterval(() => undefined, 1000);
console.log("up");`,
  "syntax.ts": "const a: number = 1;\n\nfunction (\n",
  "imports.ts": `import "./here.ts";\n`,
  "here.ts": `export const a = 1;\nimport { x } from "nowhere";\nconsole.log(x);\n`,
  "late.ts": `async function main(): Promise<void> {
  console.log("first");
  const { second } = await import("./second.ts");
  second();
}
void main();`,
  "second.ts": `export function second(): void {
  console.log("second");
  process.nextTick(() => {
    throw new TypeError("of the second");
  });
}`,
  "rejects.ts": `interface Row { readonly id: number }
async function load(row: Row): Promise<never> {
  throw new RangeError("row " + row.id);
}
void load({ id: 7 });`,
});

/** A word of a shell's command line. */
const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** As a user would type it; `words` stand before the script. */
function line(words: readonly string[], script: string, ...args: string[]): string {
  const run = [
    `${PROJECT_IN_LAB}/dist/client/main.js`,
    "run",
    "-r",
    "server",
    "-e",
    `ssh -F ${lab.sshConfig}`,
  ];
  return ["node", ...run, ...words, join(folder, script), ...args].map(quote).join(" ");
}

async function shell(text: string, env: Readonly<Record<string, string>> = {}): Promise<Output> {
  return await lab.client.run(["sh", "-c", text], { env });
}

test("a file piped in arrives whole, to a program that reads descriptor 0 and to one that reads a stream", async () => {
  const file = quote(join(folder, "file"));
  const { stdout } = await shell(
    `head -c 5000000 /dev/urandom > ${file}; cat ${file} | ${line([], "count.ts")}; sha256sum < ${file}; ${line([], "hash.ts")} < ${file}`,
  );
  const [count, sum, hash] = stdout.split("\n");
  assert.equal(count, "5000000 []");
  assert.equal(sum, `${hash}  -`);
});

test("binary stdout arrives unchanged in a pipe and in a file", async () => {
  const file = quote(join(folder, "out"));
  const { stdout } = await shell(
    `${line([], "bytes.ts")} | sha256sum; ${line([], "bytes.ts")} > ${file}; sha256sum < ${file}`,
  );
  const bytes = Uint8Array.from({ length: 65_536 }, (_, i) => i * 7);
  const hash = createHash("sha256").update(bytes).digest("hex");
  assert.equal(stdout, `${hash}  -\n`.repeat(2));
});

test("whoever reads our pipe reads its end when the program closes its stdout, while that goes on", async () => {
  const fifo = quote(join(folder, "fifo"));
  // Of the shell nobody holds the pipe: where one reads on, it is we who have it open.
  const { stdout, stderr } = await shell(
    `mkfifo ${fifo}; exec 3<> ${fifo}; ${line([], "closes.ts")} <&3 | { cat; echo go >&3; }`,
  );
  assert.deepEqual([stdout, stderr], ["last words\n", "heard go\n"]);
});

test("what a shell writes behind us to the same stdout is heard, and never refused for now", async () => {
  // Our stdout is a socket here, as for every command that a Node program starts.
  const { stdout, stderr } = await shell(
    `${line([], "end.ts", "0")} </dev/null; head -c 3000000 /dev/zero | tr '\\0' y; echo "status $?"`,
  );
  assert.equal(stderr, "");
  assert.equal(stdout, `${"y".repeat(3_000_000)}status 0\n`);
});

for (const status of [0, 1, 255]) {
  test(`a program's status ${status} is ours`, async () => {
    const { code, stderr } = await shell(line([], "end.ts", String(status)));
    assert.deepEqual([code, stderr], [status, ""]);
  });
}
for (const signal of ["SIGKILL", "SIGTERM", "SIGINT", "SIGSEGV"] as const) {
  test(`a program that dies of ${signal} makes our status 128 and its number`, async () => {
    const { code, stderr } = await shell(line([], "end.ts", signal));
    assert.deepEqual([code, stderr], [128 + constants.signals[signal], ""]);
  });
}

test("with | head -n 1 a program is told by EPIPE, and its status is ours", async () => {
  const { stdout, stderr } = await shell(`{ ${line([], "endless.ts")}; echo "status $?" >&2; } | head -n 1`);
  assert.equal(stdout, "line 1\n");
  assert.equal(stderr, "stopped by EPIPE\nstatus 3\n");
});

test("output that cannot be written here is an error, even if the program ended well", async () => {
  const { code, stderr } = await shell(`${line([], "count.ts")} </dev/null >/dev/full`);
  assert.equal(code, 74);
  assert.match(stderr, /^sshuttle: Cannot write the program's output: ENOSPC: no space left on device/m);
});

test("stdin that is empty, or closed, is at its end from the start", async () => {
  for (const from of ["/dev/null", "&-"])
    assert.deepEqual(await shell(`${line([], "count.ts")} <${from}`), {
      code: 0,
      signal: null,
      stdout: "0 []\n",
      stderr: "",
    });
});

test("stdout or stderr that is closed is no fault of the program", async () => {
  for (const closed of [">&-", "2>&-"])
    assert.equal((await shell(`${line([], "end.ts", "7")} ${closed}`)).code, 7);
});

test("--env sets what it is given, and takes from here what it names alone", async () => {
  const words = ["--env", "A=1=2", "--env", "B", "--env", "NONE", "--env", "E="];
  const argv = line(words, "env.ts", "A", "B", "NONE", "E", "C");
  const { stdout, code, stderr } = await shell(argv, { B: "b c", C: "not sent" });
  assert.deepEqual([stdout, code, stderr], [`["1=2","b c",null,"",null]\n`, 0, ""]);
});

test("what stands behind the script is the program's, however much it looks like an option", async () => {
  const args = ["-v", "--", "-", "--help", "--env", "-r", "", "a b", "*", "$HOME"];
  for (const before of [[], ["--"]]) {
    const { stdout, code, stderr } = await shell(`${line(before, "count.ts", ...args)} </dev/null`);
    assert.deepEqual([stdout, code, stderr], [`0 ${JSON.stringify(args)}\n`, 0, ""]);
  }
});

const REFUSALS = {
  "absent.ts": /^sshuttle: Cannot bundle ".*\/absent\.ts": there is no such file$/m,
  "syntax.ts": /^sshuttle: Cannot compile "syntax\.ts:3:10": /m,
  "imports.ts": /^sshuttle: Cannot resolve "nowhere" from "here\.ts:2:19": [^]*npm install nowhere$/m,
  ".": /^sshuttle: Cannot bundle ".*": it is not a file$/m,
} as const;
for (const [script, message] of Object.entries(REFUSALS)) {
  test(`"${script}" is refused here, with what is wrong and where`, async () => {
    const { code, stdout, stderr } = await shell(line([], script));
    assert.deepEqual([code, stdout], [64, ""]);
    assert.match(stderr, message);
  });
}

test("an import() group is there when it is wanted, and a trace names its sources", async () => {
  const { code, stdout, stderr } = await shell(line([], "late.ts"));
  assert.deepEqual([code, stdout], [99, "first\nsecond\n"]);
  assert.match(stderr, /^TypeError: of the second\n {4}at second\.ts:4:11\n/);
});

test("a rejection that nobody handles ends with 99 and a trace of the sources", async () => {
  const { code, stderr } = await shell(line([], "rejects.ts"));
  assert.equal(code, 99);
  assert.match(stderr, /^RangeError: row 7\n {4}at load \(rejects\.ts:3:9\)\n/);
  assert.match(stderr, /^ {4}at .*rejects\.ts:5:6\)$/m);
});

for (const [script, end] of [
  ["waits.ts", { code: 143, signal: null, stdout: "up\n", stderr: "" }],
  ["handles.ts", { code: 4, signal: null, stdout: "up\ntidied up\n", stderr: "" }],
] as const) {
  test(`SIGTERM for us is SIGTERM for ${script}`, async () => {
    const client = lab.client.start(["sh", "-c", `exec ${line([], script)}`]);
    await client.output(/up/);
    client.kill("SIGTERM");
    assert.deepEqual(await client.end(), end);
  });
}
