import assert from "node:assert/strict";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { callsTo } from "../../../bootstrap/calls.ts";
import type { Calls } from "../../../bootstrap/calls.ts";
import { launch } from "../../../bootstrap/launch.ts";
import { bundle } from "../../../bundler/bundle.ts";
import { writeProgram } from "../bundler/program.ts";
import { farSide } from "./far-side.ts";

const SERVE = fileURLToPath(new URL("../../../../bootstrap/serve-calls.ts", import.meta.url));

const AGENT = `import { serve } from ${JSON.stringify(SERVE)};
const waiting: (() => void)[] = [];
const api = {
  add: (a: number, b: number) => a + b,
  echo: async (value: unknown) => value,
  nothing: () => undefined,
  wait: () => new Promise<void>((resolve) => { waiting.push(resolve); }),
  release: () => waiting.splice(0).map((resolve) => resolve()).length,
  fail: (text: string) => {
    throw new RangeError(text);
  },
  cycle: () => { const self: { self?: object } = {}; self.self = self; return self; },
  print: (text: string) => console.log(text),
  leave: () => process.exit(3),
};
export type Agent = typeof api;
serve(api);
`;

type Agent = {
  add: (a: number, b: number) => number;
  echo: (value: unknown) => Promise<unknown>;
  nothing: () => undefined;
  wait: () => Promise<void>;
  release: () => number;
  fail: (text: string) => never;
  cycle: () => object;
  print: (text: string) => void;
  leave: () => never;
};

async function launchAgent(
  context: TestContext,
): Promise<{ there: Calls<Agent>; end: () => Promise<number | null> }> {
  const folder = await writeProgram(context, { "agent.ts": AGENT });
  const program = await launch({
    transport: farSide(context),
    bundle: await bundle(join(folder, "agent.ts")),
  });
  program.stderr.resume();
  const there = callsTo<Agent>(program);
  return {
    there,
    end: async () => {
      program.stdin.end();
      return (await program.exit).code;
    },
  };
}

test("calls give what the functions give, and the agent ends with its stdin", async (context) => {
  const { there, end } = await launchAgent(context);
  assert.equal(await there.add(2, 3), 5);
  const values = { list: [1, null, "é\n\u2028"], nested: { empty: {} } };
  assert.deepEqual(await there.echo(values), values);
  assert.equal(await there.nothing(), undefined);
  assert.equal(await end(), 0);
});

test("answers come when they are ready, each to its call", async (context) => {
  const { there, end } = await launchAgent(context);
  const order: string[] = [];
  const waiting = [there.wait(), there.wait()].map((call, index) =>
    call.then(() => order.push(`wait ${index}`)),
  );
  const sums = await Promise.all(Array.from({ length: 100 }, (_, index) => there.add(index, index)));
  assert.deepEqual(
    sums,
    Array.from({ length: 100 }, (_, index) => 2 * index),
  );
  order.push("sums");
  assert.equal(await there.release(), 2);
  await Promise.all(waiting);
  assert.deepEqual(order, ["sums", "wait 0", "wait 1"]);
  assert.equal(await end(), 0);
});

test("what a function throws rejects the call, with the far side's trace as cause", async (context) => {
  const { there, end } = await launchAgent(context);
  await assert.rejects(there.fail("too far"), (error: Error) => {
    assert.ok("code" in error && error.code === "call-failed");
    assert.equal(error.message, 'Cannot call "fail": too far');
    assert.ok(error.cause instanceof Error);
    assert.equal(error.cause.name, "RangeError");
    assert.match(String(error.cause.stack), /^RangeError: too far\n +at .*agent\.ts:10:11\)/);
    return true;
  });
  await assert.rejects(there.cycle(), { code: "call-failed", message: /circular/ });
  const unknown = there as unknown as { toString(): Promise<string>; missing(): Promise<void> };
  await assert.rejects(unknown.missing(), {
    code: "call-failed",
    message: 'Cannot call "missing": there is no "missing"',
  });
  await assert.rejects(unknown.toString(), { code: "call-failed", message: /there is no "toString"/ });
  assert.equal(await there.add(1, 1), 2);
  assert.equal(await end(), 0);
});

test("calls under way when the agent ends, and calls after it, are lost", async (context) => {
  const { there, end } = await launchAgent(context);
  const waiting = there.wait();
  await assert.rejects(Promise.all([waiting, there.leave()]), {
    code: "call-lost",
    message: 'Cannot call "wait": the program has ended',
  });
  await assert.rejects(there.add(1, 1), { code: "call-lost" });
  assert.equal(await end(), 3);
});

test("a print into the answers is said to be one", async (context) => {
  const { there, end } = await launchAgent(context);
  await assert.rejects(there.print("hello"), {
    code: "call-lost",
    message: 'Cannot call "print": it printed "hello", which is no answer',
  });
  await assert.rejects(there.add(1, 1), { code: "call-lost", exitCode: 75 });
  await end();
});

test("a hostile far side cannot make callsTo() throw or believe", async () => {
  for (const line of [
    "",
    "null",
    "[]",
    "{}",
    "[1]",
    '[2,"value",1]',
    '["1","value"]',
    '[1,"oops"]',
    "\u0000",
    '[1,"error",{},[],null]',
  ]) {
    const stdout = new PassThrough();
    const there = callsTo<{ f: () => number }>({ stdin: new PassThrough(), stdout });
    const call = there.f();
    stdout.end(`${line}\n`);
    await assert.rejects(call, { name: "BootstrapError" }, line);
  }
});

test("the calls can be awaited themselves", async () => {
  const there = callsTo<{ f: () => number }>({ stdin: new PassThrough(), stdout: new PassThrough() });
  assert.equal(await Promise.resolve(there), there);
});
