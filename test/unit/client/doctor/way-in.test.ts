import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Mux } from "../../../../agent-src/wire/mux.ts";
import { createLog } from "../../../../client/log.ts";
import { parseDestination } from "../../../../client/doctor/destination.ts";
import { LIMITS, examineWayIn } from "../../../../client/doctor/way-in.ts";
import type { Limits } from "../../../../client/doctor/way-in.ts";
import type { Step } from "../../../../client/doctor/step.ts";

const fileHere = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const STAND_IN = fileHere("ssh-stand-in.js");
const HOSTILE = fileHere("../hostile-far-side.js");

async function walk(
  program: readonly string[],
  targets: readonly string[],
  limits: Partial<Limits> = {},
): Promise<readonly Step[]> {
  const options = {
    remote: { destination: "far" },
    transport: "openssh",
    sshCommand: [process.execPath, ...program],
    destinations: targets.map(parseDestination),
    subnets: [],
    json: true,
    verbosity: 0,
  } as const;
  const steps: Step[] = [];
  const log = createLog(0, () => undefined);
  for await (const step of examineWayIn(options, log, { ...LIMITS, ...limits })) steps.push(step);
  return steps;
}

const summary = (steps: readonly Step[]): readonly string[] =>
  steps.map(({ step, status }) => `${step} ${status}`);

test("the whole way is walked to an agent and what it reaches", async () => {
  // A connection is reset as soon as it stands.
  const server = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const steps = await walk([STAND_IN, "runs"], [`127.0.0.1:${port}`, "localhost:1"]);
  server.close();
  assert.deepEqual(summary(steps), [
    "ssh ok",
    "connection ok",
    "host-key ok",
    "authentication ok",
    "login-shell ok",
    "noise ok",
    "runtime ok",
    "agent ok",
    "link ok",
    "target ok",
    "target problem",
    "names-there ok",
  ]);
  assert.match(steps.at(-1)?.detail ?? "", /resolves localhost/);
});

test("a login without a word is given up in time, and nothing is said of the way to it", async () => {
  const steps = await walk([STAND_IN, "silent"], [], { silenceMs: 200 });
  assert.deepEqual(summary(steps), ["ssh ok", "authentication problem"]);
  assert.match(steps[1]?.detail ?? "", /no answer in time/);
});

test("a login shell that hangs after its first word is told from a login that hangs", async () => {
  const steps = await walk([STAND_IN, "hangs"], [], { silenceMs: 500 });
  assert.deepEqual(summary(steps).slice(-2), ["authentication ok", "login-shell problem"]);
  assert.match(steps.at(-1)?.detail ?? "", /starting the menu/);
});

test("a login shell that goes on printing is given up in time as well", async () => {
  const steps = await walk([STAND_IN, "babbles"], [], { loginMs: 500 });
  assert.deepEqual(summary(steps).slice(-2), ["authentication ok", "login-shell problem"]);
  assert.match(steps.at(-1)?.detail ?? "", /not ready within 0\.5 s/);
});

/** What an agent says first. */
const HELLO = Buffer.concat(new Mux("agent", 0).pollTransmit(1024, 0) ?? []).join();

test("an agent that answers nothing is a problem of the link, in bounded time", async () => {
  const steps = await walk([HOSTILE, `say([${HELLO}])`], ["name:9"], { answerMs: 200 });
  assert.deepEqual(summary(steps).slice(-3), ["link problem", "target problem", "names-there warning"]);
  assert.match(steps.at(-3)?.detail ?? "", /no answer over the link within 0\.2 s/);
});

test("a link that ends while questions are open is a problem of the link, and the last", async () => {
  const steps = await walk(
    [HOSTILE, `say([${HELLO}]); setTimeout(() => process.exit(3), 100)`],
    ["127.0.0.1:9"],
  );
  assert.deepEqual(summary(steps).slice(-2), ["agent ok", "link problem"]);
  assert.match(steps.at(-1)?.detail ?? "", /Lost the link .*exit status 3/);
});
