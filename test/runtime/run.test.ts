/** What `sshuttle run` gives a program, and what it gives back, on each runtime. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { constants, homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { after, before } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { FIRST_BYTES } from "../../agent-src/wire/receive-memory.ts";
import { bundle } from "../../bundler/bundle.ts";
import type { Bundle } from "../../bundler/format.ts";
import { ClientError } from "../../client/errors.ts";
import { readProcess } from "../lab/process-table.ts";
import { testOn } from "../lab/runtime-limits.ts";
import { RUNTIMES, runtimePath } from "../lab/runtimes.ts";
import { eventually } from "../lab/lab-process.ts";
import { writeFiles } from "../unit/bundler/program.ts";
import type { ClientSettings } from "./run-client.ts";
import { runToEnd, start } from "./run-there.ts";

const MIB = 1_048_576;
/** For the agent to see the program's end, and its word of it to come. */
const REPORT_MS = 200;
const CLIENT = fileURLToPath(new URL("run-client.js", import.meta.url));

const SOURCES = {
  "status.ts": `process.exit(Number(process.argv[2]));`,
  "facts.ts": `import { readFileSync } from "fs";
const { argv, env, execArgv } = process;
console.log(JSON.stringify({
  args: argv.slice(2),
  env: Object.keys(env).filter((name) => name.startsWith("RUN_")).sort().map((name) => [name, env[name]]),
  cwd: process.cwd(),
  execArgv,
  main: require.main === module,
  input: readFileSync(0, "utf8"),
  leaked: Object.keys(global).filter((name) => /^(require|module|exports|p|s|b|f|o|n)$/.test(name)),
}));`,
  "both.ts": `import { createHash } from "crypto";
const hash = createHash("sha256");
const bytes = Number(process.argv[2]);
const piece = Buffer.alloc(65536, "output ");
let left = bytes;
function write(): void {
  while (left > 0) {
    const size = Math.min(left, piece.length);
    left -= size;
    if (!process.stdout.write(piece.slice(0, size))) {
      process.stdout.once("drain", write);
      return;
    }
  }
}
write();
process.stdin.on("data", (data) => hash.update(data)).on("end", () => console.error(hash.digest("hex")));`,
  "writes.ts": `let bytes = 0;
const piece = Buffer.alloc(65536, 1);
function write(): void {
  if (bytes === 16 * 1048576) return;
  bytes += piece.length;
  process.stdout.write(piece, write);
}
write();
process.stdin.on("data", () => console.error("written", bytes));
process.stdin.on("end", () => console.error("stdin has ended"));`,
  "streams.ts": `const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
process.stdout.write(bytes);
process.stderr.write(Buffer.from(bytes).reverse());`,
  "echo.ts": `process.stdin.pipe(process.stdout);`,
  "at-end.ts": `process.stdin.resume().on("end", () => setTimeout(() => console.log("after the end"), 20));
console.log("up");`,
  "not-reading.ts": `setTimeout(() => console.log("done"), 50);`,
  "closes-stdin.ts": `import { closeSync } from "fs";
closeSync(0);
console.log("closed");
setTimeout(() => console.log("done"), 200);`,
  "closes-stdout.ts": `import { closeSync, writeSync } from "fs";
writeSync(1, "last words");
closeSync(1);
process.stdin.on("data", (data) => process.stderr.write(data)).on("end", () => (process.exitCode = 7));`,
  "at-once.ts": `process.stdout.write("x".repeat(60000));
process.exit(5);`,
  "throws.ts": `interface Order { readonly price: number }

function charge({ price }: Order): never {
  throw new Error("no money: " + price);
}
if (process.argv[2] === "later") setTimeout(() => charge({ price: 3 }), 1);
else charge({ price: 3 });`,
  "signals.ts": `const names = process.argv.slice(2);
let count = 0;
for (const name of names) process.on(name as NodeJS.Signals, () => console.log(name, ++count));
setInterval(() => undefined, 1000);
console.log("up", process.pid);`,
  "family.ts": `import { spawn } from "child_process";
const script = 'trap "echo grandchild hung up; exit" HUP; echo grandchild $$; while :; do sleep 0.05; done';
spawn("sh", ["-c", script], { stdio: "inherit" });
setInterval(() => undefined, 1000);
process.on("SIGHUP", () => process.exit());
console.log("program", process.pid);`,
  "stubborn.ts": `process.on("SIGHUP", () => console.error("no"));
setInterval(() => undefined, 1000);
console.log("program", process.pid);`,
  "leaves-one.ts": `import { spawn } from "child_process";
const left = spawn("sleep", ["60"], { stdio: "inherit", detached: true });
left.unref();
process.stdout.write("last\\n" + left.pid + "\\n");
process.exitCode = 3;`,
  "leaves-output.ts": `process.stdout.write(Buffer.alloc(Number(process.argv[2])));`,
  "kills-itself.ts": `process.kill(process.pid, process.argv[2] as NodeJS.Signals);
setInterval(() => undefined, 1000);`,
} as const;
type Program = keyof typeof SOURCES extends `${infer Name}.ts` ? Name : never;

let folder = "";
const bundles = new Map<Program, Promise<Bundle>>();

before(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "run-")));
  await writeFiles(folder, { "package.json": "{}", ...SOURCES });
});
after(() => rm(folder, { recursive: true }));

/** Each is bundled once for all runtimes. */
function make(name: Program): Promise<Bundle> {
  const made = bundles.get(name) ?? bundle(join(folder, `${name}.ts`));
  bundles.set(name, made);
  return made;
}

interface Client {
  readonly pid: number;
  /** What the program says behind these words. */
  pids(...words: string[]): Promise<number[]>;
}

/** A client in a process of its own, killed when the test ends. */
function startClient(
  context: TestContext,
  settings: Omit<ClientSettings, "args"> & { script: Program },
): Client {
  const text = JSON.stringify({ ...settings, args: [], script: join(folder, `${settings.script}.ts`) });
  const client = spawn(process.execPath, [CLIENT, text], { stdio: ["pipe", "pipe", "inherit"] });
  context.after(() => client.kill("SIGKILL"));
  let said = "";
  client.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  return {
    pid: client.pid ?? 0,
    pids: (...words) =>
      eventually(`${words.join(", ")} said`, () => {
        const pids = words.map((word) => pidAfter(word, said));
        return pids.every((pid) => pid > 0) ? pids : undefined;
      }),
  };
}

/** Resolves when none of these processes runs any more. */
async function gone(pids: readonly number[]): Promise<void> {
  await eventually(`${pids.join(", ")} gone`, () =>
    pids.every((pid) => readProcess(pid) === undefined) ? true : undefined,
  );
}

const pidAfter = (word: string, text: string): number => Number(new RegExp(`${word} (\\d+)`).exec(text)?.[1]);

for (const runtimeHere of RUNTIMES) {
  const { pin } = runtimeHere;

  testOn(runtimeHere, "the program's exit status is ours", async () => {
    const [program, runtime] = [await make("status"), await runtimePath(pin)];
    for (const status of [0, 1, 64, 97, 98, 99, 128, 255]) {
      const args = [String(status)];
      assert.deepEqual(await runToEnd({ program, runtime, args }), { status, stdout: "", stderr: "" });
    }
  });

  testOn(
    runtimeHere,
    "arguments, environment, folder and stdin are those of a program that was started here",
    async () => {
      const [program, runtime] = [await make("facts"), await runtimePath(pin)];
      const args = ["--", "-e", "", "a b", "'\"$x`\\", "ü\u2028\n", "--inspect"];
      const env = { RUN_A: "'\"$x`\\\n\u2028", RUN_EMPTY: "" };
      const run = await runToEnd({ program, runtime, args, env, directory: folder }, "first\nsecond");
      assert.equal(run.status, 0, run.stderr);
      assert.deepEqual(JSON.parse(run.stdout), {
        args,
        env: Object.entries(env),
        cwd: folder,
        execArgv: [],
        main: true,
        input: "first\nsecond",
        leaked: [],
      });
    },
  );

  testOn(runtimeHere, "without a folder of ours the program starts in the home folder", async () => {
    const [program, runtime] = [await make("facts"), await runtimePath(pin)];
    const run = await runToEnd({ program, runtime, directory: undefined });
    assert.equal((JSON.parse(run.stdout) as { cwd: string }).cwd, await realpath(homedir()));
  });

  testOn(runtimeHere, "32 MiB go in and 32 MiB come out at once, unchanged", async () => {
    const [program, runtime] = [await make("both"), await runtimePath(pin)];
    const input = randomBytes(32 * MIB);
    const running = await start({ program, runtime, args: [String(32 * MIB)] });
    running.stdin.end(input);
    assert.equal(await running.status, 0);
    assert.equal(running.stderr.text.trim(), createHash("sha256").update(input).digest("hex"));
    const expected = Buffer.alloc(32 * MIB, Buffer.alloc(65_536, "output "));
    assert.equal(running.stdout.bytes, 32 * MIB);
    assert.equal(running.stdout.digest(), createHash("sha256").update(expected).digest("hex"));
  });

  testOn(runtimeHere, "a reader of stdout that is slow stops its writing and nothing else", async () => {
    const [program, runtime] = [await make("writes"), await runtimePath(pin)];
    const running = await start({ program, runtime });
    running.stdout.stall();
    // It has written what windows and pipes hold when two questions, some turns apart, have the same answer.
    for (let earlier = -1, answers = 1; ; answers++) {
      running.stdin.write("?");
      await running.stderr.until(({ text }) => text.split("\n").length > answers);
      const written = Number(/(\d+)\n$/.exec(running.stderr.text)?.[1]);
      assert.ok(written < 8 * MIB, `${written} bytes were written`);
      if (written === earlier && answers > 20) break;
      earlier = written;
    }
    running.stdin.end();
    await running.stderr.shows("stdin has ended");
    assert.ok(running.stdout.bytes < 8 * MIB);
    running.stdout.resume();
    assert.equal(await running.status, 0);
    assert.equal(running.stdout.bytes, 16 * MIB);
  });

  testOn(runtimeHere, "stdout and stderr are streams of their own, and binary", async () => {
    const [program, runtime] = [await make("streams"), await runtimePath(pin)];
    const running = await start({ program, runtime });
    assert.equal(await running.status, 0);
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    assert.deepEqual(running.stdout.buffer, Buffer.from(bytes));
    assert.deepEqual(running.stderr.buffer, Buffer.from(bytes.toReversed()));
  });

  testOn(runtimeHere, "the end of our stdin is the end of the program's, and not of its output", async () => {
    const [program, runtime] = [await make("at-end"), await runtimePath(pin)];
    const running = await start({ program, runtime });
    await running.stdout.shows("up");
    running.stdin.end();
    assert.equal(await running.status, 0);
    assert.equal(running.stdout.text, "up\nafter the end\n");
  });

  testOn(
    runtimeHere,
    "a program that does not read its stdin ends, and what it does not read waits here",
    async () => {
      const [program, runtime] = [await make("not-reading"), await runtimePath(pin)];
      const running = await start({ program, runtime });
      let taken = 0;
      const write = (): void => {
        while (running.stdin.write(Buffer.alloc(65_536))) taken += 65_536;
      };
      running.stdin.on("drain", write);
      write();
      assert.equal(await running.status, 0);
      assert.equal(running.stdout.text, "done\n");
      assert.ok(taken < 8 * MIB, `${taken} bytes were taken`);
    },
  );

  testOn(runtimeHere, "a program that closes its stdin makes us stop reading ours", async () => {
    const [program, runtime] = [await make("closes-stdin"), await runtimePath(pin)];
    const running = await start({ program, runtime });
    await running.stdout.shows("closed");
    running.stdin.on("error", () => undefined);
    const closed = new Promise((resolve) => running.stdin.once("close", resolve));
    running.stdin.write("nobody reads this");
    await closed;
    assert.equal(await running.status, 0);
    assert.equal(running.stdout.text, "closed\ndone\n");
  });

  testOn(runtimeHere, "a program that closes its stdout goes on, and ours has ended by then", async () => {
    const [program, runtime] = [await make("closes-stdout"), await runtimePath(pin)];
    const running = await start({ program, runtime });
    await running.stdout.until((sink) => sink.ended);
    assert.equal(running.stdout.text, "last words");
    running.stdin.end("still here");
    assert.equal(await running.status, 7);
    assert.equal(running.stderr.text, "still here");
  });

  testOn(runtimeHere, "what was written before process.exit() comes before the status", async () => {
    const [program, runtime] = [await make("at-once"), await runtimePath(pin)];
    const run = await runToEnd({ program, runtime });
    assert.deepEqual([run.status, run.stdout.length], [5, 60_000]);
  });

  testOn(runtimeHere, "an uncaught error ends with 99 and a trace of the sources", async () => {
    const [program, runtime] = [await make("throws"), await runtimePath(pin)];
    for (const [args, caller] of [
      [[], /^ {4}at .*throws\.ts:7:6\)?$/m],
      [["later"], /^ {4}at .*throws\.ts:6:51\)?$/m],
    ] as const) {
      const { status, stderr } = await runToEnd({ program, runtime, args });
      assert.equal(status, 99);
      assert.match(stderr, /^Error: no money: 3\n {4}at charge \(throws\.ts:4:9\)\n/);
      assert.match(stderr, caller);
    }
  });

  testOn(
    runtimeHere,
    "a program that handles signals gets every one, however often, and goes on",
    async () => {
      const [program, runtime] = [await make("signals"), await runtimePath(pin)];
      const names = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;
      const running = await start({ program, runtime, args: names });
      await running.stdout.shows("up");
      let count = 0;
      for (const name of [...names, "SIGINT", "SIGINT"] as const) {
        running.signal(name);
        await running.stdout.shows(`${name} ${++count}\n`);
      }
      running.signal("SIGKILL");
      assert.equal(await running.status, 137);
    },
  );

  testOn(
    runtimeHere,
    "a signal that the program does not handle makes our status 128 and its number",
    async () => {
      const [program, runtime] = [await make("signals"), await runtimePath(pin)];
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"] as const) {
        const running = await start({ program, runtime });
        await running.stdout.shows("up");
        running.signal(name);
        assert.equal(await running.status, 128 + constants.signals[name], name);
      }
    },
  );

  testOn(runtimeHere, "a program that kills itself is reported by its signal", async () => {
    const [program, runtime] = [await make("kills-itself"), await runtimePath(pin)];
    assert.equal((await runToEnd({ program, runtime, args: ["SIGKILL"] })).status, 137);
    assert.equal((await runToEnd({ program, runtime, args: ["SIGABRT"] })).status, 134);
  });

  for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
    testOn(
      runtimeHere,
      `a client that ${signal} ends or stops has its program hung up, with all that it started`,
      async (t) => {
        const runtime = await runtimePath(pin);
        const client = startClient(t, {
          script: "family",
          runtime,
          agentOptions: { pingMs: 100, lostMs: 400 },
        });
        const pids = await client.pids("program", "grandchild");
        process.kill(client.pid, signal);
        await gone(pids);
      },
    );
  }

  testOn(runtimeHere, "a program that does not go when it is hung up is killed", async (t) => {
    const runtime = await runtimePath(pin);
    const client = startClient(t, { script: "stubborn", runtime, agentOptions: { graceMs: 300 } });
    const pids = await client.pids("program");
    process.kill(client.pid, "SIGKILL");
    await gone(pids);
  });

  testOn(
    runtimeHere,
    "an agent that is killed takes its program along, and its client says that the link is lost",
    async () => {
      const [program, runtime] = [await make("signals"), await runtimePath(pin)];
      const running = await start({ program, runtime });
      await running.stdout.shows("up");
      const [pid] = [pidAfter("up", running.stdout.text)];
      const agent = Number(/^PPid:\s(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
      process.kill(agent, "SIGKILL");
      await assert.rejects(
        running.status,
        (error) => error instanceof ClientError && error.code === "link-lost",
      );
      await gone([pid]);
    },
  );

  testOn(
    runtimeHere,
    "an agent that is killed with output to send is an error, though the program had ended",
    async () => {
      const [program, runtime] = [await make("leaves-output"), await runtimePath(pin)];
      // More than a window, and less than the agent and its pipe hold beside it.
      const args = [String(FIRST_BYTES + 100_000)];
      const running = await start({ program, runtime, args });
      running.stdout.stall();
      const [pid] = await eventually("the program is started", () => {
        const found = /the program is process (\d+) there/.exec(running.log.join("\n"))?.[1];
        return found === undefined ? undefined : [Number(found)];
      });
      const agent = Number(/^PPid:\s(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
      await gone([pid ?? 0]);
      await setTimeout(REPORT_MS);
      process.kill(agent, "SIGKILL");
      running.stdout.resume();
      await assert.rejects(
        running.status,
        (error) => error instanceof ClientError && error.code === "link-lost",
      );
    },
  );

  testOn(
    runtimeHere,
    "a process that outlives the program and holds its output does not hold us",
    async () => {
      const [program, runtime] = [await make("leaves-one"), await runtimePath(pin)];
      const agentOptions = { lingerMs: 100 };
      const run = await runToEnd({ program, runtime, agentOptions });
      assert.equal(run.status, 3);
      assert.match(run.stdout, /^last\n\d+\n$/);
      process.kill(Number(run.stdout.split("\n")[1]), "SIGKILL");
    },
  );
}
