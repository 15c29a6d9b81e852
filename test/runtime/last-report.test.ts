/** What the far side still says of an error when the error, the program or the time makes that hard. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { launch } from "../../bootstrap/launch.ts";
import { localTransport } from "../../bootstrap/local.ts";
import { bundle } from "../../bundler/bundle.ts";
import { openTunnel } from "../../client/tunnel.ts";
import { traceTranslator } from "../../bootstrap/near-traces.ts";
import { testOn } from "../lab/runtime-limits.ts";
import { RUNTIMES, runtimePath } from "../lab/runtimes.ts";
import { writeProgram } from "../unit/bundler/program.ts";
import { runThere } from "./far-side.ts";

const LISTENER_THROWS = `a listener of "exit" that throws leaves the status of the error before it`;
const CANNOT_BE_SHOWN = "Uncaught error that cannot be shown\n";

/** Each throws what no report can look into. */
const UNSHOWABLE: Readonly<Record<string, string>> = {
  "a proxy all of whose traps throw": `const no = () => { throw new Error("no"); };
    throw new Proxy(new Error("inner"), { get: no, has: no, getPrototypeOf: no, ownKeys: no, getOwnPropertyDescriptor: no });`,
  "a value whose own view of itself throws": `const view = require("util").inspect.custom;
    throw Object.assign(Object.create(null), { [view]() { throw new Error("no"); } });`,
};

for (const runtimeHere of RUNTIMES) {
  const { pin } = runtimeHere;

  for (const [what, source] of Object.entries(UNSHOWABLE)) {
    testOn(runtimeHere, `${what} is reported by a fixed text, and ends with 99`, async (context) => {
      const folder = await writeProgram(context, { "main.js": source });
      const program = await bundle(join(folder, "main.js"));
      const outcome = await runThere({ bundle: program, runtime: await runtimePath(pin) });
      assert.deepEqual(outcome, { code: 99, stdout: "", stderr: CANNOT_BE_SHOWN });
    });
  }

  testOn(
    runtimeHere,
    `an error whose message, stack or prepareStackTrace throws ends with 99 and a report`,
    async (context) => {
      const sources = [
        `const error = new Error("x"); Object.defineProperty(error, "stack", { get() { throw new Error("no"); } }); throw error;`,
        `class Odd extends Error { get message() { throw new Error("no"); } } throw new Odd();`,
        `Error.prepareStackTrace = () => { throw new Error("no"); }; setTimeout(() => { throw new Error("x"); }, 1);`,
      ];
      for (const source of sources) {
        const program = await bundle(join(await writeProgram(context, { "main.js": source }), "main.js"));
        const { code, stderr } = await runThere({ bundle: program, runtime: await runtimePath(pin) });
        assert.equal(code, 99, stderr);
        assert.match(stderr, /\S/);
      }
    },
  );

  testOn(runtimeHere, LISTENER_THROWS, async (context) => {
    const source = `process.on("exit", () => { throw new Error("second"); }); throw new Error("first");`;
    const program = await bundle(join(await writeProgram(context, { "main.js": source }), "main.js"));
    const { code, stderr } = await runThere({ bundle: program, runtime: await runtimePath(pin) });
    assert.match(stderr, /^Error: first\n/);
    assert.equal(code, 99);
  });

  testOn(
    runtimeHere,
    `a throw in the first tick is mapped, though the maps come after ready`,
    async (context) => {
      const source = `interface Link { readonly bytes: number }
function start(link: Link): never { const twice = link.bytes * 2; throw new Error("no link of " + twice); }
process.nextTick(() => start({ bytes: 3 }));`;
      const folder = await writeProgram(context, { "main.ts": source });
      const program = await bundle(join(folder, "main.ts"));
      const runtime = await runtimePath(pin);
      const far = await launch({ transport: localTransport(), bundle: program, runtime, maps: "after" });
      let raw = "";
      far.stderr.on("data", (chunk: Buffer) => (raw += chunk.toString()));
      far.stdout.resume();
      assert.equal((await far.exit).code, 99);
      assert.match(raw, /main\.ts:2:~\d+/);
      const translate = traceTranslator(program);
      assert.match(raw.split("\n").map(translate).join("\n"), /main\.ts:2:73\)\n.*main\.ts:3:24\)?\n/);

      // As the tunnel's user reads it.
      const said: string[] = [];
      await openTunnel({
        transport: localTransport(),
        bundle: program,
        runtime,
        verbosity: 0,
        log: (_level, text) => void said.push(text),
      }).catch(() => undefined);
      assert.match(said.join("\n"), /main\.ts:2:73/);
      assert.doesNotMatch(said.join("\n"), /:~/);
    },
  );
}
