/**
 * What the wire itself costs, without ssh: node dist/bench/wire.js [--seconds N] [--only up|down|echo|short|idle]…
 *
 * Four processes: the load, the client's link (this one), the agent over a socketpair, the target. CPU seconds are those of the two
 * ends of the link alone.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { buildAgent, Tunnel } from "../test/unit/agent-src/agent-process.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    only: { type: "string", multiple: true, default: ["up", "down", "echo", "short", "idle"] },
  },
});
const SECONDS = Number(values.seconds);

/** Serves three ports: swallows, pours, echoes; in a process of its own. */
const TARGET = `
  const net = require("net");
  const zeros = Buffer.alloc(262144);
  const serve = (use) => new Promise((resolve) => {
    const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      socket.on("error", () => undefined);
      use(socket);
    });
    server.listen(0, "127.0.0.1", 4096, () => resolve(server.address().port));
  });
  const pour = (socket) => { while (socket.write(zeros)); };
  Promise.all([
    serve((socket) => socket.resume().on("end", () => socket.end())),
    serve((socket) => { socket.on("drain", () => pour(socket)); pour(socket); }),
    serve((socket) => socket.pipe(socket)),
  ]).then((ports) => console.log(JSON.stringify(ports)));
`;

/** Dials one of our ports and swallows or pours for as long as it lives, counting in nobody's CPU. */
const LOAD = `
  const [, port, mode] = process.argv;
  const zeros = Buffer.alloc(262144);
  const socket = require("net").connect({ port, host: "127.0.0.1",
    onread: { buffer: Buffer.alloc(262144), callback: () => true } });
  socket.on("error", () => process.exit());
  const pour = () => { while (socket.write(zeros)); };
  if (mode === "up") { socket.on("drain", pour); pour(); }
`;

const CLOCK_TICKS_PER_SECOND = 100;

/** User and system time of a process so far, s. Source: proc(5), /proc/pid/stat, fields 14 and 15. */
function cpuSeconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

function residentKib(pid: number | undefined): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function startTarget(): Promise<{ readonly ports: readonly number[]; kill(): void }> {
  const child = spawn(process.execPath, ["-e", TARGET], { stdio: ["ignore", "pipe", "inherit"] });
  const [line]: Buffer[] = await once(child.stdout, "data");
  return { ports: JSON.parse(String(line)), kill: () => void child.kill() };
}

async function measureBulk(tunnel: Tunnel, port: number, mode: "up" | "down"): Promise<string> {
  const load = spawn(process.execPath, ["-e", LOAD, String(await tunnel.listen(port)), mode]);
  const { flight, receipts } = Object.assign(tunnel.link.mux);
  const bytesNow = (): number => (mode === "up" ? flight.ackedBytes : receipts.bytes);
  await sleep(500);
  const cpu = [cpuSeconds(process.pid), cpuSeconds(tunnel.child.pid)];
  const [startMs, startBytes] = [performance.now(), bytesNow()];
  await sleep(SECONDS * 1000);
  const gigabytes = (bytesNow() - startBytes) / 1e9;
  const seconds = (performance.now() - startMs) / 1000;
  const [client, agent] = [cpuSeconds(process.pid), cpuSeconds(tunnel.child.pid)].map(
    (now, i) => (now - (cpu[i] ?? 0)) / gigabytes,
  );
  load.kill();
  return `${mode}: ${(gigabytes / seconds).toFixed(2)} GB/s, CPU s/GB: client ${client?.toFixed(2)}, agent ${agent?.toFixed(2)}`;
}

/** 64 bytes there and back, again and again, on that many channels at once. */
async function measureEchoes(port: number, channels: number): Promise<string> {
  let echoes = 0;
  const sockets = Array.from({ length: channels }, (): Socket => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.write(Buffer.alloc(64));
    return socket.on("data", () => {
      echoes++;
      socket.write(Buffer.alloc(64));
    });
  });
  await sleep(500);
  const [startMs, start] = [performance.now(), echoes];
  await sleep(SECONDS * 1000);
  const perSecond = (echoes - start) / ((performance.now() - startMs) / 1000);
  for (const socket of sockets) socket.destroy();
  return `echo of 64 bytes, ${channels} channels: ${perSecond.toFixed(0)}/s, ${((1000 * channels) / perSecond).toFixed(2)} ms each`;
}

/** Connect, 64-byte echo, close; that many at a time. */
async function measureShort(port: number, width: number): Promise<string> {
  let visits = 0;
  const endMs = performance.now() + SECONDS * 1000;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (performance.now() < endMs) {
        const socket = connect({ port, host: "127.0.0.1", noDelay: true });
        socket.write(Buffer.alloc(64));
        await once(socket, "data");
        socket.end();
        await once(socket, "close");
        visits++;
      }
    }),
  );
  return `short connections, ${width} at a time: ${(visits / SECONDS).toFixed(0)}/s`;
}

/** What an open channel with its socket costs on either side, when nothing happens on it. */
async function measureIdle(tunnel: Tunnel, port: number, count: number): Promise<string> {
  const local = await tunnel.listen(port);
  const load = spawn(process.execPath, [
    "-e",
    `for (let i = 0; i < ${count}; i++) setTimeout(() => require("net").connect(${local}, "127.0.0.1"), i / 5);`,
  ]);
  const before = [residentKib(process.pid), residentKib(tunnel.child.pid)];
  while (tunnel.link.mux.channelCount < count) await sleep(100);
  await sleep(2000);
  const [client, agent] = [residentKib(process.pid), residentKib(tunnel.child.pid)].map(
    (now, i) => (now - (before[i] ?? 0)) / count,
  );
  load.kill();
  return `${count} idle channels: KiB each: client ${client?.toFixed(1)}, agent ${agent?.toFixed(1)}`;
}

const agent = await buildAgent();
const target = await startTarget();
const [swallow = 0, pour = 0, echo = 0] = target.ports;
const runs: Record<string, (tunnel: Tunnel) => Promise<string>> = {
  up: (tunnel) => measureBulk(tunnel, swallow, "up"),
  down: (tunnel) => measureBulk(tunnel, pour, "down"),
  echo: async (tunnel) => {
    const port = await tunnel.listen(echo);
    return `${await measureEchoes(port, 1)}\n${await measureEchoes(port, 100)}`;
  },
  short: async (tunnel) => measureShort(await tunnel.listen(echo), 20),
  idle: (tunnel) => measureIdle(tunnel, echo, 10_000),
};
for (const name of values.only) {
  const tunnel = new Tunnel(agent.file);
  console.log(await runs[name]?.(tunnel));
  await tunnel.close();
}
target.kill();
agent.remove();
process.exit(0);
