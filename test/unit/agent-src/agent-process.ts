/** The real agent in a process of its own, without the bootstrap: one file, and a loader that only reports. */
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { AgentOptions } from "../../../agent-src/agent.ts";
import { controlLink } from "../../../agent-src/wire/control.ts";
import { GoAway } from "../../../agent-src/wire/codes.ts";
import type { LinkEnd } from "../../../agent-src/wire/event.ts";
import { Link, monotonicMs } from "../../../agent-src/wire/link.ts";
import { Mux } from "../../../agent-src/wire/mux.ts";
import type { MuxOptions } from "../../../agent-src/wire/options.ts";
import { splice } from "../../../agent-src/wire/splice.ts";
import type { SpliceOptions } from "../../../agent-src/wire/splice.ts";
import type { Endpoint } from "../../../agent-src/wire/target.ts";

const ENTRY = fileURLToPath(new URL("../../../../agent-src/main.ts", import.meta.url));
const LOADER =
  "exports.fetchBy = () => {}; exports.addMaps = (payload) => { if (payload[0] === 33) throw new Error('no maps');" +
  " process.stderr.write(`maps ${payload.length} ${payload[payload.length - 1]}\\n`); };";

/** Writes the agent as one file for the oldest runtime. */
export async function buildAgent(): Promise<{ readonly file: string; remove(): void }> {
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    platform: "node",
    target: "node8",
    write: false,
    plugins: [
      {
        name: "loader",
        setup(setup) {
          setup.onResolve({ filter: /^sshuttle:loader$/ }, () => ({ path: "loader", namespace: "stub" }));
          setup.onLoad({ filter: /./, namespace: "stub" }, () => ({ contents: LOADER, loader: "js" }));
        },
      },
    ],
  });
  const directory = mkdtempSync(join(tmpdir(), "agent-"));
  const file = join(directory, "agent.cjs");
  writeFileSync(file, outputFiles[0]?.text ?? "");
  return { file, remove: () => rmSync(directory, { recursive: true }) };
}

export type AgentProcess = ChildProcessByStdio<Writable, Readable, Readable>;

export function spawnAgent(file: string, options: AgentOptions = {}): AgentProcess {
  return spawn(process.execPath, [file, JSON.stringify(options)], { stdio: ["pipe", "pipe", "pipe"] });
}

/** A link to an agent process, and local ports that lead through it. */
export class Tunnel {
  readonly child: AgentProcess;
  readonly link: Link;
  readonly exit: Promise<number | null>;
  stderr = "";
  end: LinkEnd | undefined;
  readonly faults: unknown[] = [];
  private readonly servers: Server[] = [];

  constructor(file: string, options: AgentOptions = {}, own: MuxOptions = {}) {
    this.child = spawnAgent(file, options);
    this.exit = once(this.child, "exit").then(([code]: (number | null)[]) => code ?? null);
    this.child.stderr.on("data", (bytes: Buffer) => (this.stderr += bytes.toString()));
    const mux = new Mux("client", monotonicMs(), own);
    controlLink(mux, own);
    this.link = new Link({
      mux,
      input: this.child.stdout,
      output: this.child.stdin,
      ended: (end) => {
        this.end = end;
        this.child.stdin.end();
      },
      fault: (error) => this.faults.push(error),
    });
  }

  /** A local port whose connections lead to that one on the agent's side. */
  async listen(port: number, host: string = "127.0.0.1", options: SpliceOptions = {}): Promise<number> {
    const target: Endpoint & { kind: "tcp" } = { kind: "tcp", host, port };
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      splice(this.link.open(target), socket, options),
    );
    this.servers.push(server);
    return listenOn(server);
  }

  /** File descriptors of the agent. */
  countDescriptors(): number {
    return readdirSync(`/proc/${this.child.pid}/fd`).length;
  }

  async close(): Promise<number | null> {
    for (const server of this.servers) server.close();
    this.link.goAway(GoAway.Normal);
    return this.exit;
  }
}

export async function listenOn(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server on a port has an address with one.
  return (server.address() as AddressInfo).port;
}

/** A server that hands each connection to `serve`, on a port of its own. */
export async function startTarget(
  serve: (socket: Socket) => void,
): Promise<{ readonly port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // Whoever cares listens too.
    socket.on("error", () => undefined);
    serve(socket);
  });
  const port = await listenOn(server);
  return {
    port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
