/** What stages 1 and 2 leave to a program on each runtime: its stdin, its handlers of errors, its own traces. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before } from "node:test";
import { BootstrapError } from "../../bootstrap/errors.ts";
import { launch } from "../../bootstrap/launch.ts";
import { bundle } from "../../bundler/bundle.ts";
import type { Bundle } from "../../bundler/format.ts";
import { testOn } from "../lab/runtime-limits.ts";
import { RUNTIMES, runtimePath } from "../lab/runtimes.ts";
import { byteByByte, farSide, flippedAt, splitAt, truncatedAt, whole } from "../unit/bootstrap/far-side.ts";
import { writeFiles } from "../unit/bundler/program.ts";
import { MARK_CHARS, encodeStages } from "../../bootstrap/stage-texts.ts";
import { localTransport } from "../../bootstrap/local.ts";
import { runThere } from "./far-side.ts";

const SOURCES = {
  "silent.ts": `console.log("done");`,
  "data.ts": `let bytes = 0;
setTimeout(() => process.stdin.on("data", (chunk: Buffer) => (bytes += chunk.length)).on("end", () => console.log(bytes)), 20);`,
  "readable.ts": `let bytes = 0;
function read(): void {
  for (let chunk = process.stdin.read(); chunk !== null; chunk = process.stdin.read()) bytes += chunk.length;
}
process.stdin.on("readable", read).on("end", () => console.log(bytes));`,
  "paused.ts": `let bytes = 0;
process.stdin.on("data", (chunk: Buffer) => (bytes += chunk.length)).on("end", () => console.log(bytes));
process.stdin.pause();
setTimeout(() => process.stdin.resume(), 20);`,
  "echo.ts": `process.stdin.pipe(process.stdout);`,
  "own-handlers.ts": `process.on("uncaughtException", (error: Error) => console.log("uncaught", error.message));
setTimeout(() => Promise.reject(new Error("rejected")), 1);
setTimeout(() => { throw new Error("thrown"); }, 5);
setTimeout(() => {
  process.on("unhandledRejection", (reason) => console.log("rejection", (reason as Error).message));
  Promise.reject(new Error("rejected again"));
}, 10);`,
  "call-sites.ts": `const before = Error.prepareStackTrace;
Error.prepareStackTrace = (_error, sites) => sites as unknown as string;
const holder: { stack?: unknown } = {};
    Error.captureStackTrace(holder);
const [site] = holder.stack as NodeJS.CallSite[];
Error.prepareStackTrace = before;
console.log(JSON.stringify([site!.getFileName(), site!.getLineNumber(), new Error("mine").stack!.split("\\n")[1]]));`,
  "maps-later.ts": `import { addMaps } from "sshuttle:loader";
import { connect } from "net";
const where = (): string => new Error("here").stack!.split("\\n")[1]!;
const chunks: Buffer[] = [];
console.log(where());
process.stdin.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => {
  addMaps(Buffer.concat(chunks));
                                  console.log(where(), typeof connect, require.resolve("sshuttle:loader"));
  try {
    addMaps(Buffer.from("no maps"));
  } catch (error) {
    console.log(error instanceof Error);
  }
});`,
  "large.ts": `import { ballast } from "./ballast.ts";
console.log(ballast.length);`,
  "ballast.ts": `export const ballast = "${randomBytes(300_000).toString("base64")}";`,
  "fast-clock.js": `const set = setInterval; global.setInterval = (act, ms, ...rest) => set(act, ms / 1000, ...rest);`,
} as const;
type Program =
  | "silent"
  | "data"
  | "readable"
  | "paused"
  | "echo"
  | "own-handlers"
  | "call-sites"
  | "maps-later"
  | "large";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "programs-"));
  await writeFiles(folder, { "package.json": "{}", ...SOURCES });
});
after(() => rm(folder, { recursive: true }));

/** On what sshd may give for stdin, both at a time. */
async function onEach(act: (stdin: "pipe" | "socket") => Promise<void>): Promise<void> {
  await Promise.all([act("pipe"), act("socket")]);
}

const make = (name: Program): Promise<Bundle> => bundle(join(folder, `${name}.ts`));

for (const runtimeHere of RUNTIMES) {
  const { pin } = runtimeHere;

  testOn(runtimeHere, "a program that does not read its stdin ends, whatever is there", async (context) => {
    const [program, runtime] = [await make("silent"), await runtimePath(pin)];
    await onEach(async (stdin) => {
      for (const bytes of [0, 10, 200_000]) {
        const transport = farSide(context, { stdin });
        const launched = await launch({ transport, bundle: program, runtime, input: randomBytes(bytes) });
        launched.stderr.resume();
        assert.equal(await text(launched.stdout), "done\n");
        assert.equal((await launched.exit).code, 0);
        launched.stdin.destroy();
      }
    });
  });

  for (const how of ["data", "readable", "paused", "echo"] as const) {
    testOn(
      runtimeHere,
      `a program that reads its stdin (${how}) gets every byte behind the payload`,
      async (context) => {
        const [program, runtime] = [await make(how), await runtimePath(pin)];
        await onEach(async (stdin) => {
          for (const bytes of [0, 10, 200_000]) {
            const transport = farSide(context, { stdin });
            const launched = await launch({
              transport,
              bundle: program,
              runtime,
              input: Buffer.alloc(bytes, "x"),
            });
            launched.stderr.resume();
            launched.stdin.end("end");
            const stdout = await text(launched.stdout);
            assert.equal(how === "echo" ? stdout.length : Number(stdout), bytes + 3);
            assert.equal((await launched.exit).code, 0);
          }
        });
      },
    );
  }

  testOn(runtimeHere, "stages arrive from pipe and socket, whole, byte by byte and cut", async (context) => {
    const [program, runtime] = [await make("silent"), await runtimePath(pin)];
    const deliveries = [whole, byteByByte, splitAt([500, 1500, 2500], 20)];
    const far = (["pipe", "socket"] as const).flatMap((stdin) =>
      deliveries.map((deliver) => ({ stdin, deliver })),
    );
    for (const options of far) {
      const launched = await launch({ transport: farSide(context, options), bundle: program, runtime });
      launched.stderr.resume();
      assert.equal(await text(launched.stdout), "done\n");
    }
    const large = await make("large");
    const launched = await launch({ transport: farSide(context), bundle: large, runtime });
    launched.stderr.resume();
    assert.equal(await text(launched.stdout), "400000\n");
  });

  testOn(runtimeHere, "what is cut short or damaged is told, and runs nothing", async (context) => {
    const [program, runtime] = [await make("silent"), await runtimePath(pin)];
    await onEach(async (stdin) => {
      const line = encodeStages(program, { mark: "0".repeat(MARK_CHARS), runtime, maps: true }).line.length;
      for (const deliver of [
        truncatedAt(line),
        truncatedAt(line + 800),
        truncatedAt(-1),
        flippedAt(line + 800),
        flippedAt(-1),
      ]) {
        const launching = launch({
          transport: farSide(context, { stdin, deliver }),
          bundle: program,
          runtime,
        });
        const error = await launching.catch((reason: unknown) => reason);
        assert.ok(error instanceof BootstrapError, String(error));
        assert.equal(error.code, "upload-truncated", error.message);
      }
    });
  });

  testOn(runtimeHere, "a client that stalls within the payload is not waited for", async (context) => {
    const runtime = `${await runtimePath(pin)} -r ${join(folder, "fast-clock.js")}`;
    const transport = farSide(context, { deliver: (bytes, stdin) => whole(bytes.subarray(0, -1), stdin) });
    const error = await launch({ transport, bundle: await make("silent"), runtime }).catch(
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof BootstrapError, String(error));
    assert.match(error.message, /(\d+) of (\d+) bytes arrived/);
  });

  testOn(runtimeHere, "errors that a program handles itself are its own", async () => {
    const outcome = await runThere({
      bundle: await make("own-handlers"),
      runtime: await runtimePath(pin),
    });
    assert.deepEqual(outcome, {
      code: 0,
      stdout: "uncaught rejected\nuncaught thrown\nrejection rejected again\n",
      stderr: "",
    });
  });

  testOn(
    runtimeHere,
    "a program's own Error.prepareStackTrace gets call sites, and ours back its place",
    async () => {
      const outcome = await runThere({ bundle: await make("call-sites"), runtime: await runtimePath(pin) });
      assert.equal(outcome.stderr, "");
      const [filename, line, frame] = JSON.parse(outcome.stdout) as unknown[];
      assert.deepEqual([filename, line], ["/call-sites.ts", 4]);
      assert.match(String(frame), /^ {4}at .*\(call-sites\.ts:7:73\)$/);
    },
  );

  testOn(runtimeHere, "maps that come later make columns exact from then on", async () => {
    const program = await launch({
      transport: localTransport(),
      bundle: await make("maps-later"),
      runtime: await runtimePath(pin),
      maps: "after",
    });
    program.stdin.end(program.mapsPayload);
    const [stdout, stderr] = await Promise.all([text(program.stdout), text(program.stderr)]);
    assert.equal(stderr, "");
    const [early = "", exact = "", refused = ""] = stdout.split("\n");
    assert.match(early, /where \(maps-later\.ts:3:~\d+\)$/);
    assert.match(exact, /where \(maps-later\.ts:3:29\) function sshuttle:loader$/);
    assert.equal(refused, "true");
  });
}
