/** From nothing to a working tunnel: real sshds, whose logins see a machine without any runtime. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import { createLab } from "../lab/lab.ts";
import { addressOf, wayOf } from "../lab/layout.ts";
import { WHOAMI_PORTS } from "../lab/services.ts";
import type { WhoAmI } from "../lab/services.ts";
import { startSlimServer } from "../lab/slim-server.ts";
import type { SlimServer } from "../lab/slim-server.ts";
import { eventually } from "../lab/lab-process.ts";
import type { Output } from "../lab/lab-process.ts";
import { writeFiles } from "../unit/bundler/program.ts";

const lab = await createLab();
after(() => lab.close());
const slim = await startSlimServer(lab, "debian");

const programs = join(lab.directory, "programs");
mkdirSync(programs);
await writeFiles(programs, {
  "package.json": "{}",
  "where.ts": `console.log(process.execPath);`,
  "terminal.ts": `console.log("terminal", process.stdin.isTTY, process.execPath);`,
});
const WHERE = join(programs, "where.ts");
const MAIN = `${PROJECT_IN_LAB}/dist/client/main.js`;

async function sshuttle(server: SlimServer, ...args: readonly string[]): Promise<Output> {
  const [command = "", ...rest] = args;
  return lab.client.run(["node", MAIN, command, "-e", server.sshCommand, ...rest], {
    env: server.env,
    timeoutMs: 60_000,
  });
}

/** Reaches the target by a tunnel, and says what the tunnel said. */
async function tunnelOnce(server: SlimServer): Promise<string> {
  const command = ["node", MAIN, "-v", "-r", "slim", "-e", server.sshCommand, "--socks", "1080"] as const;
  const tunnel = lab.client.start(command, { env: server.env });
  await tunnel.output(/connected to ssh slim/, 60_000);
  const url = `http://${addressOf("target", "server").v4}:${WHOAMI_PORTS[0]}/`;
  const answer = await lab.client.shell(
    `curl -sS --http0.9 --max-time 10 --socks5-hostname 127.0.0.1:1080 ${url}`,
  );
  const { peer } = JSON.parse(answer) as WhoAmI;
  assert.equal(wayOf(peer), "tunnelled");
  tunnel.kill("SIGTERM");
  await tunnel.end();
  return tunnel.said;
}

test("a server without a runtime goes to a working tunnel with one password, and uploads nothing again", async () => {
  const first = await tunnelOnce(slim);
  assert.match(first, /the server has no runtime: node \S+ is uploaded to \/home\/slim\/\.cache\/sshuttle$/m);
  assert.match(first, /uploaded node \S+: \S+ MB in /);
  assert.equal(await slim.prompts(), 1);
  const second = await tunnelOnce(slim);
  assert.doesNotMatch(second, /upload/);
  assert.equal(await slim.prompts(), 2);
});

test("places that are noexec or full are passed over, and the program runs from one that is neither", async () => {
  const { code, stdout, stderr } = await sshuttle(slim, "run", "-v", "-r", "crowded@slim", WHERE);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^\/var\/tmp\/sshuttle-\d+\/runtime-node-/);
  assert.match(stderr, /is uploaded to \/home\/crowded\/\.sshuttle$/m);
  assert.match(stderr, /is uploaded to \/var\/tmp\/sshuttle-\d+$/m);
  const left = await lab.server.shell(
    `find ${slim.root}/home/crowded ${slim.root}/tmp ${slim.root}/var/tmp -type f`,
  );
  assert.match(left, /^\S+\/var\/tmp\/sshuttle-\d+\/runtime-node-\S+\n$/);
});

test("with --no-upload it is an error that says what to do, and nothing is left there", async () => {
  await lab.server.shell(`rm -r ${slim.root}/home/slim/.cache`);
  const { code, stderr } = await sshuttle(slim, "run", "-r", "slim", "--no-upload", WHERE);
  assert.equal(code, 69);
  assert.match(stderr, /Cannot find a JavaScript runtime by ssh slim: tried node: .*not found/);
  assert.match(stderr, /install Node 8 or later there/);
  assert.equal(await lab.server.shell(`ls -A ${slim.root}/home/slim`), "");
});

test("the doctor says what would be uploaded and where to, and leaves nothing there", async () => {
  const { code, stdout } = await sshuttle(slim, "doctor", "-r", "slim");
  assert.equal(code, 0, stdout);
  assert.match(
    stdout,
    /warning +runtime +none there; node \S+ \(\S+ MB.*would be uploaded to \/home\/slim\/\.cache\/sshuttle/,
  );
  assert.equal(await lab.server.shell(`find ${slim.root}/home/slim -type f`), "");
});

test("a terminal shows the progress; on a terminal there it works as well", async () => {
  await lab.server.shell(`rm -rf ${slim.root}/home/slim/.cache`);
  const words = [
    "node",
    MAIN,
    "run",
    "-t",
    "-r",
    "slim",
    "-e",
    slim.sshCommand,
    join(programs, "terminal.ts"),
  ];
  const typed = words.map((word) => `'${word}'`).join(" ");
  const script = ["script", "--quiet", "--return", "--command", typed, "/dev/null"] as const;
  const { code, stdout } = await lab.client.run(script, { env: slim.env, timeoutMs: 60_000 });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /uploading node \S+ \[=*>? *\] +\d+%  \S+ .B of \S+ MB/);
  assert.match(stdout, /terminal true \/home\/slim\/\.cache\/sshuttle\/runtime-node-/);
});

test("an upload that is cut with its ssh is told as such, and leaves nothing", async () => {
  await lab.server.shell(`rm -rf ${slim.root}/home/slim/.cache`);
  const words = ["node", MAIN, "run", "-v", "-r", "slim", "-e", slim.sshCommand, WHERE] as const;
  const client = lab.client.start(words, { env: slim.env });
  await client.output(/is uploaded to /);
  const started = (): string =>
    lab.server
      .processes()
      .map(({ command }) => command)
      .filter((command) => command.startsWith("head -c"))
      .join();
  await eventually("the server reads", () => (started() === "" ? undefined : true));
  for (const { pid, command } of lab.client.processes()) {
    if (command.startsWith("ssh ")) process.kill(pid, "SIGKILL");
  }
  const { code, stderr } = await client.end();
  assert.equal(code, 69, stderr);
  assert.match(stderr, /it had no runtime, and node \S+ was being uploaded/);
  await eventually("the server has stopped reading", () => (started() === "" ? true : undefined));
  const files = (): Promise<string> => lab.server.shell(`find ${slim.root}/home/slim -type f`);
  await eventually("nothing is left", async () => ((await files()) === "" ? true : undefined));
});

test("without an ssh program it is uploaded as well, and once", async () => {
  await lab.server.shell(`rm -rf ${slim.root}/home/slim/.cache`);
  for (const uploads of [1, 0]) {
    const words = ["run", "-v", "-r", "slim", "--transport", "ssh2", "--ssh-config", slim.sshConfig, WHERE];
    const { code, stdout, stderr } = await lab.client.run(["node", MAIN, ...words], {
      env: slim.env,
      timeoutMs: 60_000,
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\/home\/slim\/\.cache\/sshuttle\/runtime-node-/);
    assert.equal(stderr.match(/is uploaded to/g)?.length ?? 0, uploads);
  }
});

test("a machine with musl gets a runtime for musl, and is told what that lacks there", async () => {
  const musl = await startSlimServer(lab, "musl");
  await fetchRuntime("linux-x64-musl");
  const { code, stderr } = await sshuttle(musl, "run", "-v", "-r", "slim", WHERE);
  assert.equal(code, 69);
  assert.match(stderr, /the server has no runtime: bun 1\.4\.5 is uploaded to /);
  assert.match(stderr, /uploaded bun 1\.4\.5: /);
  assert.match(
    stderr,
    /a linux-x64 with musl.*it was uploaded and does not start there: .*libstdc\+\+\.so\.6/s,
  );
  assert.equal(await lab.server.shell(`find ${musl.root}/home/slim -type f`), "");
});

/** By the network of this machine, which the lab's hosts have not, into the folder that sshuttle looks in there. */
async function fetchRuntime(target: string): Promise<void> {
  const cache = fileURLToPath(new URL("../../../node_modules/.cache/uploads", import.meta.url));
  const main = fileURLToPath(new URL("../../client/main.js", import.meta.url));
  await promisify(execFile)(process.execPath, [main, "runtime", "fetch", target], {
    env: { ...process.env, XDG_CACHE_HOME: cache },
  });
  await lab.client.shell(
    `mkdir -p /run/home/root/.cache && cp -a ${PROJECT_IN_LAB}/node_modules/.cache/uploads/sshuttle /run/home/root/.cache/`,
  );
}
