/** The program behind the lab's target: every service of services.ts, on every address, IPv4 and IPv6. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ENDS_FIRST_BYTES, PORT, WHOAMI_PORTS } from "./services.ts";
import type { Received, WhoAmI } from "./services.ts";
import { streamBlocks } from "./stream.ts";

/** Big enough for a storm of connections to meet no full queue. The kernel caps it at somaxconn. */
const BACKLOG = 4096;

const ZEROS = Buffer.alloc(65_536);
const swallowing = new Set<Socket>();

function whoIs(socket: Socket): WhoAmI {
  return {
    peer: plain(socket.remoteAddress),
    peerPort: socket.remotePort ?? 0,
    local: plain(socket.localAddress),
    localPort: socket.localPort ?? 0,
  };
}

/** An IPv4 address as such: a socket of both families gives it as ::ffff:a.b.c.d. */
function plain(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:(?=\d+\.)/, "");
}

async function receive(source: AsyncIterable<Buffer>): Promise<Received> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** Turns the lowest bit of the byte at `offset` over, so that the check of a transfer can be checked. */
function* flipBit(blocks: Iterable<Buffer>, offset: number): Generator<Buffer> {
  let position = 0;
  for (const block of blocks) {
    const index = offset - position;
    if (index >= 0 && index < block.length) block.writeUInt8(block.readUInt8(index) ^ 1, index);
    position += block.length;
    yield block;
  }
}

async function handleRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://target");
  if (url.pathname === "/stream") {
    const bytes = Number(url.searchParams.get("bytes"));
    const flip = url.searchParams.get("flip");
    const blocks = streamBlocks(bytes);
    response.writeHead(200, { "content-type": "application/octet-stream", "content-length": bytes });
    await pipeline(
      Readable.from(flip === null ? blocks : flipBit(blocks, Number(flip)), { objectMode: false }),
      response,
    );
  } else if (url.pathname === "/sink") {
    response.end(`${JSON.stringify(await receive(request))}\n`);
  } else if (url.pathname === "/swallowed") {
    response.end(`${JSON.stringify(Array.from(swallowing, ({ bytesRead }) => bytesRead))}\n`);
  } else if (url.pathname === "/whoami") {
    response.end(`${JSON.stringify(whoIs(request.socket))}\n`);
  } else {
    response.writeHead(404).end();
  }
}

/** A peer that goes away in the middle is a test's right; the other services go on. */
function serve(handle: (socket: Socket) => void | Promise<void>): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    Promise.resolve(handle(socket)).catch(() => socket.destroy());
  });
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen({ port, host: "::", backlog: BACKLOG });
  await once(server, "listening");
}

await Promise.all([
  listen(
    serve((socket) => {
      socket.pipe(socket);
    }),
    PORT.echo,
  ),
  listen(
    createHttpServer((request, response) => {
      handleRequest(request, response).catch(() => request.socket.destroy());
    }),
    PORT.http,
  ),
  ...WHOAMI_PORTS.map((port) =>
    listen(
      serve((socket) => {
        socket.end(`${JSON.stringify(whoIs(socket))}\n`);
      }),
      port,
    ),
  ),
  listen(
    serve(async (socket) => {
      // An iterator that takes the socket down at its end would take the answer with it.
      socket.end(JSON.stringify(await receive(socket.iterator({ destroyOnReturn: false }))));
    }),
    PORT.answersAtEnd,
  ),
  listen(
    serve(async (socket) => {
      for (const block of streamBlocks(ENDS_FIRST_BYTES)) socket.write(block);
      socket.end();
      console.log(`endsFirst ${JSON.stringify(await receive(socket))}`);
    }),
    PORT.endsFirst,
  ),
  listen(
    serve((socket) => {
      socket.resetAndDestroy();
    }),
    PORT.resets,
  ),
  listen(
    serve((socket) => {
      socket.pause();
    }),
    PORT.neverReads,
  ),
  listen(
    serve((socket) => {
      const pour = (): void => {
        while (socket.write(ZEROS));
      };
      socket.resume().on("drain", pour);
      pour();
    }),
    PORT.pours,
  ),
  listen(
    serve((socket) => {
      swallowing.add(socket);
      socket.on("close", () => swallowing.delete(socket));
      socket.resume().on("end", () => socket.end());
    }),
    PORT.swallows,
  ),
]);

// The test that wanted this target holds the other end.
process.stdin.resume().on("close", () => process.exit(0));
console.log("target ready");
