/** The tunnel's own agent on every runtime: what connections through it come to, over a local transport. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { after, before } from "node:test";
import { localTransport } from "../../bootstrap/local.ts";
import { readAgentBundle } from "../../client/agent-bundle.ts";
import { startSocks } from "../../client/intake/socks.ts";
import { openTunnel } from "../../client/tunnel.ts";
import type { Tunnel } from "../../client/tunnel.ts";
import { testOn } from "../lab/runtime-limits.ts";
import { RUNTIMES, runtimePath } from "../lab/runtimes.ts";
import type { Runtime } from "../lab/runtimes.ts";

const MIB = 1_048_576;
/** An agent that is at work answers at once. */
const FIGURES_WAIT_MS = 10_000;

/** Echoes to the end; a connection whose first byte is 0 is reset. */
let echo: Server;

before(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (first: Buffer) => {
      if (first[0] === 0) socket.resetAndDestroy();
    });
    socket.pipe(socket);
  });
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
});
after(() => echo.close());

interface Reach {
  /** Resolves when the proxy says 200; else throws with its status line. */
  readonly dial: (host: string, port: number) => Promise<Socket>;
  /** What the far side says at verbosity 3. */
  readonly lines: readonly string[];
  readonly tunnel: Tunnel;
}

async function throughAgent(runtime: Runtime, use: (reach: Reach) => Promise<void>): Promise<void> {
  const lines: string[] = [];
  const log = (_level: number, line: string): void => void lines.push(line);
  const tunnel = await openTunnel({
    transport: localTransport(),
    bundle: await readAgentBundle(),
    runtime: await runtimePath(runtime.pin),
    log,
    verbosity: 3,
  });
  assert.match(tunnel.farSide, new RegExp(`^${runtime.name} v?${runtime.version} on `));
  const proxy = await startSocks({ family: 4, address: "127.0.0.1", port: 0 }, () => tunnel, log);
  try {
    await use({ dial: (host, port) => dial(proxy.endpoint.port, host, port), lines, tunnel });
  } finally {
    await proxy.close();
    await tunnel.close();
  }
}

async function dial(proxyPort: number, host: string, port: number): Promise<Socket> {
  const socket = connect({ port: proxyPort, host: "127.0.0.1", allowHalfOpen: true });
  socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\n\r\n`);
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    head += chunk.toString("latin1");
  }
  socket.pause();
  if (head.startsWith("HTTP/1.1 200 ")) return socket;
  socket.destroy();
  throw new Error(head.split("\r\n")[0]);
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function digestOf(socket: Socket): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of socket) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

for (const runtime of RUNTIMES) {
  testOn(runtime, "16 MiB go there and come back unchanged, and half a connection stays open", async () => {
    await throughAgent(runtime, async ({ dial: open }) => {
      const bytes = randomBytes(16 * MIB);
      const socket = await open("127.0.0.1", portOf(echo));
      const received = digestOf(socket);
      // The echo answers after our end: the other half lives on.
      socket.end(bytes);
      assert.equal(await received, createHash("sha256").update(bytes).digest("hex"));
    });
  });

  testOn(runtime, "the agent tells its half of the link's figures", async () => {
    await throughAgent(runtime, async ({ dial: open, tunnel }) => {
      const socket = await open("127.0.0.1", portOf(echo));
      socket.end(randomBytes(MIB));
      await digestOf(socket);
      const { near, far } = await tunnel.figures(FIGURES_WAIT_MS);
      assert.ok(far !== undefined && far.sentBytes >= MIB && far.receivedBytes >= MIB, JSON.stringify(far));
      assert.ok(near.receivedBytes >= far.sentBytes && near.sentBytes >= far.receivedBytes);
      assert.notEqual(far.control, "none");
    });
  });

  testOn(runtime, "a hundred connections at once each get their own bytes", async () => {
    await throughAgent(runtime, async ({ dial: open }) => {
      const echoes = Array.from({ length: 100 }, async (_, index) => {
        const socket = await open("127.0.0.1", portOf(echo));
        socket.end(`connection ${index}`);
        let text = "";
        for await (const chunk of socket) text += String(chunk);
        return text;
      });
      assert.deepEqual(
        await Promise.all(echoes),
        echoes.map((_, index) => `connection ${index}`),
      );
    });
  });

  testOn(runtime, "a name is resolved there; what is refused or unknown there is an error here", async () => {
    await throughAgent(runtime, async ({ dial: open, lines }) => {
      const socket = await open("localhost", portOf(echo));
      socket.destroy();
      const unused = createServer().listen(0, "127.0.0.1");
      await once(unused, "listening");
      const port = portOf(unused);
      unused.close();
      await assert.rejects(open("127.0.0.1", port), / 502 /);
      await assert.rejects(open("nobody.invalid", 80), / 502 /);
      assert.match(lines.join("\n"), new RegExp(`^127\\.0\\.0\\.1 port ${port}: refused`, "m"));
      assert.match(lines.join("\n"), /^nobody\.invalid port 80: name not found/m);
    });
  });

  testOn(runtime, "a connection that is cut there ends here", async () => {
    await throughAgent(runtime, async ({ dial: open }) => {
      const socket = await open("127.0.0.1", portOf(echo));
      const ended = new Promise((resolve) => socket.once("close", resolve).once("error", () => undefined));
      socket.resume().write(Buffer.alloc(1));
      socket.once("end", () => socket.end());
      await ended;
    });
  });

  testOn(runtime, "the agent fetches its link control over the link", async () => {
    await throughAgent(runtime, async ({ dial: open, lines }) => {
      const socket = await open("127.0.0.1", portOf(echo));
      socket.end(randomBytes(MIB));
      await digestOf(socket);
      const asked = lines.filter((line) => line.includes("asks for") && line.includes("late.ts"));
      assert.equal(asked.length, 1, lines.join("\n"));
    });
  });
}
