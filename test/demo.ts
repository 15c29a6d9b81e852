/**
 * The main job on this one machine: no root, no sshd, no remote host. The parts are the real ones; only the
 * remote host is small (test/demo/far-side.ts) and the ssh session is made by the ssh2 package.
 */
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { launch } from "../bootstrap/launch.ts";
import type { Transport } from "../bootstrap/transport.ts";
import { bundle } from "../bundler/bundle.ts";
import { readAgentBundle } from "../client/agent-bundle.ts";
import { startSocks } from "../client/intake/socks.ts";
import { createLog } from "../client/log.ts";
import { openTunnel } from "../client/tunnel.ts";
import { getThroughSocks } from "./demo/socks-get.ts";
import { ssh2Transport } from "./demo/ssh2-transport.ts";
import { startWorld } from "./demo/world.ts";
import type { World } from "./demo/world.ts";

const FAILING_PROGRAM = fileURLToPath(new URL("../../fixtures/demo/report.ts", import.meta.url));

const say = (text: string): void => console.log(text);

async function main(): Promise<void> {
  const world = await startWorld();
  try {
    say(
      `1. A remote host is up: an ssh server on 127.0.0.1:${world.ssh.port}, and an intranet page behind it.`,
    );
    say(
      world.separate
        ? `   It has a network of its own; from here its page at 127.0.0.1:${world.pagePort} is ${await dial(world.pagePort)}.`
        : "   This machine allows no network namespace, so the page is on our own loopback.",
    );
    const transport = ssh2Transport(world.ssh);
    await fetchThroughTunnel(world, transport);
    await showRemoteTrace(transport);
  } finally {
    world.stop();
  }
  say(`
That was it. For a real host, from the folder of this project:
  npm link                                      # puts sshuttle on your PATH
  sshuttle -r user@host 10.0.0.0/8              # capture a subnet (root, sudo or doas)
  sshuttle -r user@host --socks 1080            # or a proxy, without root
  sshuttle bundle --inspect                     # what is uploaded there`);
}

async function fetchThroughTunnel(world: World, transport: Transport): Promise<void> {
  const agent = await readAgentBundle();
  const startedMs = performance.now();
  const tunnel = await openTunnel({ transport, bundle: agent, log: createLog(0), verbosity: 0 });
  const readyMs = Math.round(performance.now() - startedMs);
  say(
    `2. The agent is uploaded and running after ${readyMs} ms: ${tunnel.farSide}, bundle ${agent.hash.slice(0, 12)}.`,
  );
  const socks = await startSocks({ family: 4, address: "127.0.0.1", port: 0 }, () => tunnel, createLog(0));
  const { port } = socks.endpoint;
  const body = await getThroughSocks(port, world.pagePort);
  say(`3. Through SOCKS on 127.0.0.1:${port} the page says: ${body.trim()}`);
  await socks.close();
  await tunnel.close();
}

async function showRemoteTrace(transport: Transport): Promise<void> {
  const program = await launch({ transport, bundle: await bundle(FAILING_PROGRAM) });
  const stderr: Buffer[] = [];
  program.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  program.stdout.resume();
  const { code } = await program.exit;
  const trace = Buffer.concat(stderr).toString("utf8");
  if (!trace.includes("fixtures/demo/disk.ts:8:11"))
    throw new Error(`the trace does not name the line:\n${trace}`);
  say("4. A TypeScript program of our own, run there, fails; the trace from there names our lines:");
  say(trace.trimEnd().replace(/^/gm, "     "));
  say(`   (exit status ${code ?? "none"}; fixtures/demo/disk.ts line 8, column 11 is where it throws)`);
}

/** What dialling a port of our own loopback comes to. */
function dial(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve("connected");
    });
    socket.on("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "ECONNREFUSED" ? "refused" : error.message),
    );
  });
}

await main();
