/** Programs run over a real sshd: their streams, a terminal's keys, and what is left when something is killed. */
import assert from "node:assert/strict";
import { mkdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import type { StartOptions } from "../lab/host.ts";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import { eventually } from "../lab/lab-process.ts";
import type { LabProcess } from "../lab/lab-process.ts";
import { runtimePath } from "../lab/runtimes.ts";
import { familyOf, readProcess } from "../lab/process-table.ts";
import { endAllBut } from "../lab/tunnel.ts";
import { writeFiles } from "../unit/bundler/program.ts";

/** How long the last of ours may take to be gone once its end has begun. */
const AFTERMATH_MS = 10_000;

const lab = await createLab();
after(() => lab.close());
const folder = join(lab.directory, "program");
mkdirSync(folder);
await writeFiles(folder, {
  "package.json": "{}",
  "node_modules/shouts/package.json": `{ "name": "shouts", "main": "index.js" }`,
  "node_modules/shouts/index.js": `exports.shout = (text) => text.toUpperCase();`,
  "echo.ts": `import { hostname } from "os";
import { shout } from "shouts";
let text = "";
process.stdin.on("data", (data) => (text += data)).on("end", () => {
  console.log(JSON.stringify([shout(text), process.argv.slice(2), process.env["GREETING"]]));
  console.error("stderr of " + hostname().length);
  process.exitCode = 42;
});`,
  "pass.ts": `process.stdin.pipe(process.stdout);`,
  "keys.ts": `let count = 0;
process.on("SIGINT", () => console.log("interrupt", ++count));
setInterval(() => undefined, 1000);
console.log("up", process.pid);`,
  "terminal.ts": `import { createInterface } from "readline";
const { stdin, stdout } = process;
const say = (...words: unknown[]): void => console.log(words.join(" "));
say("terminal", stdin.isTTY, stdout.isTTY, process.stderr.isTTY, stdout.columns, stdout.rows, process.argv.slice(2));
stdout.on("resize", () => say("now", stdout.columns, stdout.rows));
const lines = createInterface({ input: stdin, output: stdout });
lines.question("name? ", (name) => {
  console.log("hello " + name);
  lines.close();
  stdin.setRawMode(true);
  stdin.resume().once("data", (key) => {
    stdin.setRawMode(false);
    process.on("SIGINT", () => {
      console.log("interrupted");
      process.exit(17);
    });
    console.log("key", key.toString("hex"));
  });
  console.log("press");
});`,
  "throws.ts": `function first(): void {
  throw new Error("there");
}
first();`,
});

const RUN = ["node", `${PROJECT_IN_LAB}/dist/client/main.js`, "run"] as const;

/** As a user would type it. */
function command(...args: string[]): [string, ...string[]] {
  return [...RUN, "-r", "server", "-e", `ssh -F ${lab.sshConfig}`, ...args];
}

const inFolder = (name: string): string => join(folder, name);

/** On a terminal of its own, which keys can be typed into. */
function startOnTerminal(argv: readonly string[], options?: StartOptions): LabProcess {
  const words = argv.map((word) => `'${word}'`).join(" ");
  // A shell in between would have a status of its own when keys send signals.
  return lab.client.start(
    ["script", "--quiet", "--return", "--command", `exec ${words}`, "/dev/null"],
    options,
  );
}

test("a program with a package runs there: stdin, stdout, stderr, arguments, environment, status", async () => {
  const argv = command("--env", "GREETING=a  b'\"$HOME", inFolder("echo.ts"), "-r", "--", "x y");
  assert.deepEqual(await lab.client.run(argv, { input: "hello" }), {
    code: 42,
    signal: null,
    stdout: `${JSON.stringify(["HELLO", ["-r", "--", "x y"], "a  b'\"$HOME"])}\n`,
    stderr: `stderr of ${(await lab.server.shell("hostname")).trim().length}\n`,
  });
});

test("an archive runs there as its sources do, and one that was changed is refused", async () => {
  const archive = inFolder("echo.tar");
  await lab.client.shell(`node dist/client/main.js bundle '${inFolder("echo.ts")}' -o '${archive}'`);
  const { code, stdout } = await lab.client.run(command(archive), { input: "abc" });
  assert.deepEqual([code, stdout], [42, `["ABC",[],null]\n`]);
  await lab.client.shell(
    `sed 's/toUpperCase/toLowerCase/;s/"sourceBytes": /"sourceBytes":  /' '${archive}' > '${archive}.tar'`,
  );
  const changed = await lab.client.run(command(`${archive}.tar`));
  assert.equal(changed.code, 74);
  assert.match(changed.stderr, /^sshuttle: .*Cannot read the archive at byte /);
});

test("bytes pass unchanged both ways, more than any window holds", async () => {
  const argv = command(inFolder("pass.ts"))
    .map((word) => `'${word}'`)
    .join(" ");
  const sums = await lab.client.shell(
    `head -c 20000000 /dev/urandom > '${folder}/big'; sha256sum < '${folder}/big'; ${argv} < '${folder}/big' | sha256sum`,
    { timeoutMs: 60_000 },
  );
  const [sent, received] = sums.trim().split("\n");
  assert.equal(received, sent);
});

test("when nobody reads our output any more, the program is told, and ends", async () => {
  const argv = command(inFolder("pass.ts"))
    .map((word) => `'${word}'`)
    .join(" ");
  const text = await lab.client.shell(`yes | ${argv} | head -n 2`, { timeoutMs: 20_000 });
  assert.equal(text, "y\ny\n");
});

test("Ctrl-C on our terminal reaches the program each time, and ssh outlives it; Ctrl-\\ ends the program", async () => {
  const program = startOnTerminal(command(inFolder("keys.ts")));
  await program.output(/up \d+/);
  for (const count of [1, 2, 3]) {
    program.stdin.write("\x03");
    await program.output(new RegExp(`interrupt ${count}`));
  }
  program.stdin.write("\x1c");
  assert.equal((await program.end()).code, 128 + 3, program.said);
});

test("Ctrl-C before the program is there ends us", async () => {
  // A runtime that does not say which it is.
  const program = startOnTerminal(command("--runtime", "sleep 60; true", inFolder("keys.ts")));
  await eventually("the runtime is asked", () =>
    lab.server.processes().some(({ command: line }) => line.includes("sleep 60")) ? true : undefined,
  );
  program.stdin.write("\x03");
  assert.equal((await program.end()).code, 130, program.said);
});

test("-t: a program talks to our terminal: its size, prompts, keys, a size that changes, Ctrl-C, status", async () => {
  const argv = ["sh", "-c", 'stty rows 24 cols 80; "$@"; echo "status $?, $(stty -g)"', "sh"];
  const before = await lab.client.run(["script", "-qec", "stty rows 24 cols 80; stty -g", "/dev/null"]);
  const program = startOnTerminal([...argv, ...command("-t", inFolder("terminal.ts"), "-t", "x")]);
  await program.output(/terminal true true true 80 24 -t,x\r\n/);
  await program.output(/name\? /);
  program.stdin.write("Ann\x7fa\r");
  await program.output(/hello Ana\r\n/);
  await program.output(/press\r\n/);
  const client = familyOf(program.pid).find(({ command: line }) => /^node .* run /.test(line));
  const terminal = readlinkSync(`/proc/${client?.pid}/fd/0`);
  await lab.client.shell(`stty -F ${terminal} rows 50 cols 132`);
  await program.output(/now 132 50\r\n/);
  program.stdin.write("\x03");
  await program.output(/key 03\r\n/);
  program.stdin.write("\x03");
  await program.output(/interrupted\r\n/);
  await program.output(new RegExp(`status 17, ${before.stdout.trim()}`));
  assert.equal((await program.end()).code, 0);
});

test("-t without koffi: the size is right, and keys and status, on the oldest runtime", async () => {
  await writeFiles(folder, {
    "no-koffi.cjs": `const { Module } = require("module");
const load = Module._load;
Module._load = function (name, ...rest) { if (name === "koffi") throw new Error("absent"); return load.call(this, name, ...rest); };`,
  });
  const runtime = await runtimePath("8.17.0");
  const [node, ...rest] = command("--runtime", runtime, "-t", inFolder("terminal.ts"));
  const argv = [
    "sh",
    "-c",
    'stty rows 33 cols 77; exec "$@"',
    "sh",
    node,
    "-r",
    inFolder("no-koffi.cjs"),
    ...rest,
  ];
  const program = startOnTerminal(argv);
  await program.output(/terminal true true true 77 33 \r\n/);
  await program.output(/name\? /);
  program.stdin.write("Ann\r");
  await program.output(/press\r\n/);
  program.stdin.write("\x04");
  await program.output(/key 04\r\n/);
  program.stdin.write("\x03");
  assert.equal((await program.end()).code, 17, program.said);
});

test("-t without a host: the program has this terminal", async () => {
  const program = startOnTerminal([...RUN, "-t", inFolder("terminal.ts")]);
  await program.output(/terminal true true true /);
  await program.output(/name\? /);
  program.stdin.write("Ann\r");
  await program.output(/press\r\n/);
  program.stdin.write("x");
  await program.output(/key 78\r\n/);
  program.stdin.write("\x03");
  assert.equal((await program.end()).code, 17, program.said);
});

test("-t: what cannot be started is said as without, and the terminal is as it was", async () => {
  const argv = command("--runtime", "/nowhere/node", "-t", inFolder("terminal.ts"));
  const program = startOnTerminal(["sh", "-c", 'stty -g; "$@"; echo "status $?"; stty -g', "sh", ...argv]);
  await program.end();
  assert.match(program.stdout, /sshuttle: Cannot find a JavaScript runtime by ssh server: tried --runtime: /);
  assert.match(program.stdout, /^(\S+:\S+)\r\n[^]*status 69\r\n\1\r\n$/);
});

test("-t without a terminal here is refused before anything is started", async () => {
  const { code, stderr } = await lab.client.run(command("-t", inFolder("terminal.ts")));
  assert.equal(code, 64);
  assert.match(stderr, /^sshuttle: Cannot use -t: our stdin is not a terminal$/m);
});

test("an uncaught error ends with 99 and names the sources of this machine", async () => {
  const { code, stderr } = await lab.client.run(command(inFolder("throws.ts")));
  assert.equal(code, 99);
  assert.match(stderr, /^Error: there\n {4}at first \(throws\.ts:2:9\)\n/);
});

test("a script that cannot be bundled is an error with file and line, and nothing is started", async () => {
  await writeFiles(folder, { "broken.ts": "const a = 1;\nconst b = ;\n" });
  const { code, stderr } = await lab.client.run(command(inFolder("broken.ts")));
  assert.equal(code, 64);
  assert.match(stderr, /broken\.ts:2:11/);
});

const ENDINGS: Readonly<Record<string, (client: LabProcess) => void>> = {
  "kill -9 of the client": (client) => client.kill("SIGKILL"),
  "kill -9 of ssh": (client) => killAll(familyOf(client.pid), /^ssh /),
  "kill -9 of the sshd session": () => killAll(familyOf(lab.sshd.pid).slice(1), /sshd/),
};

function killAll(family: ReturnType<typeof familyOf>, pattern: RegExp): void {
  const found = family.filter(({ command: line }) => pattern.test(line));
  assert.notEqual(found.length, 0, "somebody to kill");
  for (const { pid } of found) process.kill(pid, "SIGKILL");
}

for (const [name, end] of Object.entries(ENDINGS)) {
  test(`after ${name} nothing of ours runs there`, async () => {
    const before = new Set(lab.server.processes().map(({ pid }) => pid));
    try {
      const client = lab.client.start(command(inFolder("keys.ts")));
      const pid = Number((await client.output(/up (\d+)/))[1]);
      assert.ok(readProcess(pid));
      end(client);
      await client.end();
      await eventually(
        "the program, its agent and its shell are gone",
        () => (lab.server.processes().every((entry) => before.has(entry.pid)) ? true : undefined),
        AFTERMATH_MS,
      );
    } finally {
      await endAllBut(lab.server, before);
    }
  });
}
