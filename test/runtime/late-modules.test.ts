/** import() of what was not sent: it comes when it is asked for, once, and is then as if it had been there. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { launch } from "../../bootstrap/launch.ts";
import { localTransport } from "../../bootstrap/local.ts";
import { LateModules } from "../../bootstrap/late-modules.ts";
import { bundle } from "../../bundler/bundle.ts";
import type { Bundle } from "../../bundler/format.ts";
import { RUNTIMES, runtimePath } from "../lab/runtimes.ts";
import { writeProgram } from "../unit/bundler/program.ts";
import type { Files } from "../unit/bundler/program.ts";
import { runThere } from "./far-side.ts";

/** Asks on a line of stdout; the answer is a line of stdin, base64, or "!" and a reason. */
const FETCHING = `
  import { fetchBy } from "sshuttle:loader";
  const waiting = [];
  let input = "";
  process.stdin.on("data", (chunk) => {
    input += chunk;
    for (let end = input.indexOf("\\n"); end >= 0; end = input.indexOf("\\n")) {
      const line = input.slice(0, end);
      input = input.slice(end + 1);
      const [resolve, reject] = waiting.shift();
      if (line[0] === "!") reject(new Error(line.slice(1)));
      else resolve(Buffer.from(line, "base64"));
    }
  });
  fetchBy((filename) => new Promise((...ends) => { waiting.push(ends); console.log("? " + filename); }));
`;

interface Conversation {
  readonly asked: string[];
  /** What the program printed, but for its questions. */
  readonly printed: string[];
  readonly stderr: string;
  /** Bytes of each answer. */
  readonly sent: number[];
}

type Answer = (filename: string, late: LateModules) => Uint8Array | Error;

const serve: Answer = (filename, late) => late.payloadFor(filename) ?? new Error("no such module");

async function converse(
  program: Bundle,
  runtime: string,
  answer: Answer = serve,
  groups: readonly string[] = [],
): Promise<Conversation> {
  const far = await launch({ transport: localTransport(), bundle: program, runtime, groups });
  const late = new LateModules(program, groups);
  const conversation = { asked: [] as string[], printed: [] as string[], stderr: "", sent: [] as number[] };
  far.stderr.on("data", (chunk: Buffer) => (conversation.stderr += chunk.toString()));
  for await (const line of createInterface({ input: far.stdout })) {
    if (!line.startsWith("? ")) {
      conversation.printed.push(line);
      if (line === "done") far.stdin.end();
      continue;
    }
    conversation.asked.push(line.slice(2));
    const payload = answer(line.slice(2), late);
    conversation.sent.push(payload instanceof Error ? 0 : payload.length);
    const text = payload instanceof Error ? `!${payload.message}` : Buffer.from(payload).toString("base64");
    far.stdin.write(`${text}\n`);
  }
  await far.exit;
  return conversation;
}

async function onEach(
  context: Parameters<typeof writeProgram>[0],
  files: Files,
  check: (program: Bundle, node: string, label: string) => Promise<void>,
): Promise<void> {
  const program = await bundle(
    join(await writeProgram(context, { "fetching.js": FETCHING, ...files }), "main.js"),
  );
  for (const { pin, label } of RUNTIMES) await check(program, await runtimePath(pin), label);
}

test("a hundred that ask for a module at once make one question, and share the module", async (context) => {
  await onEach(
    context,
    {
      "main.js": `import "./fetching.js"; const ask = () => import("./late.js");
        Promise.all(Array.from({ length: 100 }, ask)).then((all) => {
          console.log([new Set(all.map(({ object }) => object)).size, all[0].object.x].join(" "));
          return ask();
        }).then(({ object }) => console.log(object.x)).then(() => console.log("done"));`,
      "late.js": `import { part } from "./part.js"; import { early } from "./early.js"; export const object = { x: part + early };`,
      "part.js": `console.log("evaluated"); export const part = "part ";`,
      "early.js": `export const early = "early";`,
    },
    async (program, node, version) => {
      const { asked, printed } = await converse(program, node);
      assert.deepEqual(asked, ["late.js"], version);
      assert.deepEqual(printed, ["evaluated", "1 part early", "part early", "done"], version);
    },
  );
});

test("after a failure, which names the module and the reason, it is asked for again", async (context) => {
  await onEach(
    context,
    {
      "main.js": `import "./fetching.js"; const ask = () => import("./late.js");
        ask().catch((error) => console.log(error.code, error.message)).then(ask).then(({ x }) => console.log(x)).then(() => console.log("done"));`,
      "late.js": `export const x = "there";`,
    },
    async (program, node, version) => {
      let tries = 0;
      const answer: Answer = (filename, late) =>
        tries++ === 0 ? new Error("not now") : serve(filename, late);
      const { asked, printed } = await converse(program, node, answer);
      assert.deepEqual(asked, ["late.js", "late.js"], version);
      assert.equal(printed[0], "MODULE_NOT_FOUND Cannot find module 'late.js': Error: not now", version);
      assert.deepEqual(printed.slice(1), ["there", "done"], version);
    },
  );
});

test("what two of them need is sent once; cycles across the groups and JSON work; what was sent is not asked for", async (context) => {
  await onEach(
    context,
    {
      "main.js": `import "./fetching.js"; export const entry = "entry";
        import("./sent.js").then(({ name }) => console.log(name)).then(() => import("./a.js")).then(({ a }) => console.log(a()))
          .then(() => import("./b.js")).then(({ b }) => console.log(b())).then(() => console.log("done"));`,
      "sent.js": `export const name = "sent";`,
      "a.js": `import { shared, count } from "./shared.js"; import { entry } from "./main.js"; export const a = () => ["a", shared, count(), entry].join(" ");`,
      "b.js": `import { shared, count } from "./shared.js"; import { a } from "./a.js"; import data from "./data.json"; export const b = () => ["b", shared, count(), a(), data.x].join(" ");`,
      "shared.js": `let counter = 0; export const shared = ${JSON.stringify("shared ".repeat(200))}.length; export const count = () => ++counter;`,
      "data.json": `{ "x": "json" }`,
    },
    async (program, node, version) => {
      const { asked, printed, sent } = await converse(program, node, serve, ["sent.js"]);
      assert.deepEqual(asked, ["a.js", "b.js"], version);
      assert.deepEqual(printed, ["sent", "a 1400 1 entry", "b 1400 2 a 1400 3 entry json", "done"], version);
      const late = new LateModules(program, ["sent.js"]);
      const [first = 0, second = 0] = sent;
      assert.equal(
        first + second,
        ["a.js", "b.js"].reduce((sum, name) => sum + (late.payloadFor(name)?.length ?? 0), 0),
      );
    },
  );
});

test("a trace through late modules names their sources, with columns", async (context) => {
  await onEach(
    context,
    {
      "main.js": `import "./fetching.js"; import("./late.js").then(({ fail }) => fail()).catch((error) => { console.log(error.stack); console.log("done"); });`,
      "late.js": `/* a line */\nexport function fail() {\n  /* and a column */ throw new Error("late");\n}\n`,
    },
    async (program, node, version) => {
      const { printed } = await converse(program, node);
      assert.equal(printed[0], "Error: late", version);
      assert.match(
        printed[1] ?? "",
        /at fail \(late\.js:3:28\)|at (?:Module|Object)?\.?fail .*late\.js:3:28/,
        version,
      );
    },
  );
});

test("where nobody fetches, an import() of what was not sent says so", async (context) => {
  const files = {
    "main.js": `import("./late.js").catch((error) => console.log(error.code, error.message));`,
    "late.js": `export const x = 1;`,
  };
  const program = await bundle(join(await writeProgram(context, files), "main.js"));
  for (const { pin, label } of RUNTIMES) {
    const { stdout } = await runThere({ bundle: program, runtime: await runtimePath(pin) });
    assert.equal(stdout, "MODULE_NOT_FOUND Cannot find module 'late.js': Error: nobody fetches it\n", label);
  }
});

test("a module that the bundle does not have, and one that was sent, cost nothing", async (context) => {
  const files = {
    "main.js": `import("./late.js");`,
    "late.js": `export const x = ${JSON.stringify("x".repeat(5000))};`,
  };
  const program = await bundle(join(await writeProgram(context, files), "main.js"));
  const late = new LateModules(program);
  assert.equal(late.payloadFor("other.js"), undefined);
  const [first, again] = [late.payloadFor("late.js"), late.payloadFor("late.js")];
  assert.ok(first !== undefined && again !== undefined);
  assert.ok(again.length < 100, `${again.length} bytes`);
  assert.ok((late.payloadFor("main.js")?.length ?? 0) < 100);
});
