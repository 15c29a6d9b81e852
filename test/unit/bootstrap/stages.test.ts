/** Stages 0, 1 and 2 in a real sh and a real Node, from a pipe and from a socket, however their bytes arrive. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { BootstrapError } from "../../../bootstrap/errors.ts";
import { launch } from "../../../bootstrap/launch.ts";
import type { Launched } from "../../../bootstrap/launch.ts";
import { MARK_CHARS, encodeStages } from "../../../bootstrap/stage-texts.ts";
import { bundle } from "../../../bundler/bundle.ts";
import type { Bundle } from "../../../bundler/format.ts";
import { writeFiles } from "../bundler/program.ts";
import { byteByByte, farSide, flippedAt, late, splitAt, truncatedAt, whole } from "./far-side.ts";
import type { Delivery, FarSideOptions } from "./far-side.ts";

/** Behind the payload, where a failure is wanted. */
const INPUT: Uint8Array = Buffer.from("input");

const STDINS = ["pipe", "socket"] as const;

let folder = "";
/** Says what it read from stdin: count and hash. */
let counting: Bundle;
/** The same, with text that does not shrink: 300 KB of payload. */
let large: Bundle;
/** Leaves a file if it is ever run. */
let witness: Bundle;
let witnessFile = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "stages-"));
  witnessFile = join(folder, "was-run");
  const count = `import { createHash } from "crypto";
const hash = createHash("sha256");
let bytes = 0;
process.stdin.on("data", (chunk: Buffer) => {
  bytes += chunk.length;
  hash.update(chunk);
});
process.stdin.on("end", () => process.stdout.write(bytes + " " + hash.digest("hex")));
`;
  await writeFiles(folder, {
    "package.json": "{}",
    "counting.ts": count,
    "large.ts": `import { ballast } from "./ballast.ts";\nif (ballast.length < 1) throw new Error();\n${count}`,
    "ballast.ts": `export const ballast = "${randomBytes(300_000).toString("base64")}";\n`,
    "witness.ts": `import { writeFileSync } from "fs";\nwriteFileSync(${JSON.stringify(witnessFile)}, "");\n`,
  });
  const make = (name: string): Promise<Bundle> => bundle(join(folder, `${name}.ts`));
  [counting, large, witness] = await Promise.all([make("counting"), make("large"), make("witness")]);
});
after(() => rm(folder, { recursive: true }));

/** Launches the bundle, and checks that the input arrives whole and untouched in the program. */
async function assertArrives(
  context: TestContext,
  program: Bundle,
  input: Uint8Array,
  far: FarSideOptions,
): Promise<void> {
  const launched = await launch({ transport: farSide(context, far), bundle: program, input });
  launched.stdin.end("the end");
  const all = Buffer.concat([input, Buffer.from("the end")]);
  const hash = createHash("sha256").update(all).digest("hex");
  const [stdout, stderr, exit] = await outcomeOf(launched);
  assert.deepEqual([stdout, stderr, exit.code], [`${all.length} ${hash}`, "", 0]);
}

function outcomeOf(launched: Launched): Promise<[string, string, Awaited<Launched["exit"]>]> {
  return Promise.all([text(launched.stdout), text(launched.stderr), launched.exit]);
}

async function failureOf(context: TestContext, far: FarSideOptions): Promise<BootstrapError> {
  const launching = launch({
    transport: farSide(context, far),
    bundle: witness,
    input: Buffer.from("input"),
  });
  const outcome = await launching.catch((error: unknown) => error);
  assert(outcome instanceof BootstrapError, `expected a BootstrapError, got ${String(outcome)}`);
  assert(!existsSync(witnessFile), "the program was run");
  return outcome;
}

/** Where each part of what launch() sends for `bundled` ends. A mark is of one length, whatever it is. */
function endsOf(bundled: Bundle): { line: number; stage2: number; deflated: number; payload: number } {
  const stages = encodeStages(bundled, { mark: randomBytes(MARK_CHARS / 2).toString("hex"), maps: true });
  const line = stages.line.length;
  // Another mark may make stage 2 some bytes longer or shorter, so what is behind its end is counted from the end.
  const stage2 = line + stages.stage2.length;
  const deflated = stage2 + 32;
  return { line, stage2, deflated, payload: stage2 + stages.payload.length };
}

const DELIVERIES: readonly { readonly how: string; readonly deliver: Delivery }[] = [
  { how: "at once", deliver: whole },
  { how: "byte by byte", deliver: byteByByte },
  { how: "late", deliver: late(400) },
  {
    how: "in pieces of 100 bytes",
    deliver: (bytes, stdin) => splitAt(steps(bytes.length, 100), 1)(bytes, stdin),
  },
];

function steps(end: number, step: number): number[] {
  return Array.from({ length: Math.ceil(end / step) - 1 }, (_, position) => (position + 1) * step);
}

for (const stdin of STDINS) {
  for (const { how, deliver } of DELIVERIES) {
    test(`stages that come ${how} on a ${stdin} start the program, which gets its input`, (context) =>
      assertArrives(context, counting, Buffer.from("first"), { stdin, deliver }));
  }

  test(`a first input of 200 KB behind the payload on a ${stdin} reaches the program untouched`, (context) =>
    assertArrives(context, counting, randomBytes(200_000), { stdin }));

  test(`a payload of 300 KB on a ${stdin}, late and in pieces, and 200 KB behind it arrive`, async (context) => {
    const deliver = splitAt([1, 70_000, 140_000, 210_001, 310_000], 20);
    await assertArrives(context, large, randomBytes(200_000), { stdin, deliver });
  });

  test(`stages cut in two anywhere, with a pause there, start the program from a ${stdin}`, async (context) => {
    const { line, stage2, deflated, payload } = endsOf(counting);
    const offsets = [
      1,
      line - 1,
      line,
      line + 1,
      line + 900,
      stage2 - 8,
      stage2,
      stage2 + 4,
      deflated,
      payload - 1,
      payload,
    ];
    const launches = offsets.map((offset) =>
      assertArrives(context, counting, Buffer.from("first"), { stdin, deliver: splitAt([offset], 200) }),
    );
    await Promise.all(launches);
  });
}

test("an end of stdin within the line is told as a far side without input", async (context) => {
  const { line } = endsOf(witness);
  for (const bytes of [0, 1, line - 1]) {
    const error = await failureOf(context, { deliver: truncatedAt(bytes) });
    assert.deepEqual([bytes, error.code], [bytes, "shell-no-input"]);
  }
});

for (const stdin of STDINS) {
  test(`an end of stdin within stage 2 on a ${stdin} is told as a part that is missing`, async (context) => {
    const { line, stage2 } = endsOf(witness);
    for (const bytes of [line, line + 1, line + 2, line + 1000, stage2 - 16]) {
      const error = await failureOf(context, { stdin, deliver: truncatedAt(bytes) });
      assert.deepEqual([bytes, error.code], [bytes, "upload-truncated"]);
      assert.match(error.message, /did not arrive/);
    }
  });

  test(`an end of stdin within the payload on a ${stdin} is told to the byte`, async (context) => {
    const { stage2, payload } = endsOf(witness);
    const expected = payload - stage2;
    for (const missing of [expected, expected - 1, expected - 4, 100, 1]) {
      const deliver = truncatedAt(-missing - INPUT.length);
      const error = await failureOf(context, { stdin, deliver });
      assert.equal(error.code, "upload-truncated");
      assert.match(error.message, new RegExp(`: ${expected - missing} of ${expected} bytes arrived`));
    }
  });
}

test("a byte that changed anywhere in stage 2 is told, and nothing is run", async (context) => {
  const { line, stage2 } = endsOf(witness);
  for (const offset of [line, line + 1, line + 40, line + 1000, stage2 - 16]) {
    const error = await failureOf(context, { deliver: flippedAt(offset) });
    assert.deepEqual([offset, error.code], [offset, "upload-truncated"]);
  }
});

test("a byte that changed anywhere in the payload is told, and nothing is run", async (context) => {
  const { stage2, deflated, payload } = endsOf(witness);
  for (const offset of [
    payload - stage2,
    payload - deflated + 1,
    payload - deflated,
    payload - deflated - 50,
    1,
  ]) {
    const deliver = flippedAt(-offset - INPUT.length);
    const error = await failureOf(context, { deliver });
    assert.equal(error.code, "upload-truncated");
    assert.match(error.message, /: all \d+ bytes arrived, but not as they were sent/);
  }
});

/** What a login's rc files do on stdout before the command runs. */
const NOISES: readonly { readonly what: string; readonly script: string; readonly noise: Buffer }[] = [
  { what: "a line", script: "echo Welcome", noise: Buffer.from("Welcome\n") },
  { what: "a line without its end", script: "printf Welcome", noise: Buffer.from("Welcome") },
  { what: "NUL bytes", script: "head -c 5 /dev/zero", noise: Buffer.alloc(5) },
  { what: "100 KB", script: "head -c 100000 /dev/zero", noise: Buffer.alloc(100_000) },
];

for (const { what, script, noise } of NOISES) {
  test(`noise before the mark, ${what}, is given to onNoise() and is not the program's output`, async (context) => {
    const heard: Buffer[] = [];
    const launched = await launch({
      transport: farSide(context, { script: `${script}; eval "$1"` }),
      bundle: counting,
      onNoise: (bytes) => heard.push(Buffer.from(bytes)),
    });
    launched.stdin.end("abc");
    const [stdout] = await outcomeOf(launched);
    assert.deepEqual(Buffer.concat(heard), noise);
    assert.match(stdout, /^3 [0-9a-f]{64}$/);
  });
}

test("what an rc file prints on stderr is the first of the program's stderr", async (context) => {
  const transport = farSide(context, { script: 'echo "tput: No value for $TERM" >&2; eval "$1"' });
  const launched = await launch({ transport, bundle: counting });
  launched.stdin.end();
  const [, stderr] = await outcomeOf(launched);
  assert.match(stderr, /^tput: No value for /);
});

test("endless noise is told, and its process ended", async (context) => {
  const error = await failureOf(context, { script: "exec yes 'still not ours'" });
  assert.equal(error.code, "noise-limit");
  assert.match(error.message, /having printed "still not ours/);
});

test("a shell that ends at once with 0 is no success", async (context) => {
  const error = await failureOf(context, { script: "echo no logins today; exit 0" });
  assert.equal(error.code, "shell-refused");
  assert.match(error.message, /ended with 0 before ours began, having printed "no logins today"/);
});

test("a shell that runs another command than ours is told with what that printed", async (context) => {
  const error = await failureOf(context, { script: "echo only git here >&2; exit 1" });
  assert.equal(error.code, "shell-refused");
  assert.match(error.message, /only git here/);
});

test("an rc file that takes the beginning of our line is told with what sh says of the rest", async (context) => {
  const error = await failureOf(context, { script: 'dd bs=1 count=100 of=/dev/null 2>/dev/null; eval "$1"' });
  assert.equal(error.code, "shell-refused");
  assert.match(error.message, /[Ss]yntax error/);
});
