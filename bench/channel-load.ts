/**
 * Many connections at a time, through a proxy or captured, for channels.ts:
 *
 *     node channel-load.js ADDRESS PROXY-PORT
 *
 * ADDRESS is where they lead to; the proxy is SOCKS5 on 127.0.0.1, 0 for none. Each line on stdin is a LoadCommand as JSON; the
 * answer is a line on stdout. The end of stdin ends it, and all connections.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { percentile } from "./statistics.ts";

/** read, pour: as much as there is, one way; stall: nothing of what comes is read. */
export type Use = "echo" | "read" | "pour" | "stall";

export type LoadCommand =
  /** Opens that many to `port`. */
  | { readonly does: "open"; readonly count: number; readonly port: number; readonly use: Use }
  /** For so long each connection of use "echo" sends 64 bytes once in `everyMs`, at times of its own. */
  | { readonly does: "echo"; readonly forMs: number; readonly everyMs: number }
  /** How much each of those of use "read" has read. */
  | { readonly does: "count" }
  | { readonly does: "close" };

export interface Opened {
  readonly opened: number;
  /** How many came to nothing, by the reason: an errno, "closed", or "socks" and the code of the answer. */
  readonly refused: Readonly<Record<string, number>>;
}

export interface Echoed {
  readonly echoes: number;
  /** Connections that have ended, or whose bytes were wrong or did not come. */
  readonly lost: number;
  readonly open: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Counted {
  readonly bytes: readonly number[];
  /** Connections of all uses that have ended. */
  readonly lost: number;
}

/** Connections on their way at a time. */
const WIDTH = 100;
const MESSAGE_BYTES = 64;
const ZEROS = Buffer.alloc(65_536);
const TICK_MS = 10;
/** An answer that has not come by then has not come. */
const GRACE_MS = 20_000;

const GREETING = Uint8Array.of(5, 1, 0);
const GREETED_BYTES = 2;
const ANSWER_BYTES = 10;

class Connection {
  readonly use: Use;
  readonly socket: Socket;
  isLost = false;
  /** When the message was sent whose answer is awaited. */
  sentMs: number | undefined;
  /** Of its end, if it was told. */
  errno: string | undefined;
  private readonly message: Buffer;
  private missing = 0;

  constructor(use: Use, socket: Socket, name: number) {
    this.use = use;
    this.socket = socket;
    this.message = Buffer.alloc(MESSAGE_BYTES, `${name} `);
    socket.on("error", (error: Error & { code?: string }) => (this.errno = error.code));
    socket.on("close", () => (this.isLost = true));
    if (use === "stall") socket.pause();
    else socket.on("data", (bytes: Buffer) => this.take(bytes)).resume();
    if (use === "pour") this.pour();
  }

  /** Its end, or the first answer. What was captured says in no other way that it is connected. */
  async first(): Promise<void> {
    this.send();
    while (!this.isLost && this.sentMs !== undefined) await sleep(TICK_MS);
  }

  send(): void {
    if (this.isLost || this.sentMs !== undefined) return;
    this.sentMs = performance.now();
    this.missing = MESSAGE_BYTES;
    this.socket.write(this.message);
  }

  private pour(): void {
    this.socket.write(ZEROS, (error) => {
      if (!error) this.pour();
    });
  }

  private take(bytes: Buffer): void {
    if (this.use !== "echo") return;
    const from = MESSAGE_BYTES - this.missing;
    this.missing -= bytes.length;
    if (this.missing < 0 || !bytes.equals(this.message.subarray(from, from + bytes.length)))
      this.isLost = true;
    if (this.missing > 0 || this.sentMs === undefined) return;
    times.push(performance.now() - this.sentMs);
    this.sentMs = undefined;
  }
}

const [address = "", proxyPort = "0"] = process.argv.slice(2);
const viaProxy = proxyPort !== "0";
let connections: Connection[] = [];
let times: number[] = [];

/** A socket that leads there, or the reason why there is none. */
function dial(port: number): Promise<Socket | string> {
  const socket = connect(viaProxy ? Number(proxyPort) : port, viaProxy ? "127.0.0.1" : address);
  socket.setNoDelay(true);
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0);
    const stop = (result: Socket | string): void => {
      socket.off("readable", read).off("close", end).off("error", fail);
      if (typeof result === "string") socket.on("error", () => undefined).destroy();
      resolve(result);
    };
    const end = (): void => stop("closed");
    const fail = (error: Error & { code?: string }): void => stop(error.code ?? error.message);
    const read = (): void => {
      const wanted = seen.length < GREETED_BYTES ? GREETED_BYTES : GREETED_BYTES + ANSWER_BYTES;
      // What follows is the target's.
      const bytes = socket.read(wanted - seen.length) as Buffer | null;
      if (bytes === null) return;
      seen = Buffer.concat([seen, bytes]);
      if (seen.length === GREETED_BYTES) socket.write(connectRequest(port));
      else if (seen.length < wanted) return;
      else stop(seen[GREETED_BYTES + 1] === 0 ? socket : `socks ${seen[GREETED_BYTES + 1]}`);
    };
    socket.on("close", end).on("error", fail);
    if (viaProxy) {
      socket.on("readable", read);
      socket.write(GREETING);
    } else socket.on("connect", () => stop(socket));
  });
}

/** Source: RFC 1928 section 4. */
function connectRequest(port: number): Uint8Array {
  return Uint8Array.of(5, 1, 0, 1, ...address.split(".").map(Number), port >> 8, port & 0xff);
}

async function open(wanted: number, port: number, use: Use): Promise<Opened> {
  const refused: Record<string, number> = {};
  let left = wanted;
  let opened = 0;
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const result = await dial(port);
      const connection =
        typeof result === "string" ? undefined : new Connection(use, result, connections.length);
      if (use === "echo" && !viaProxy) await connection?.first();
      if (connection?.isLost === false) {
        opened++;
        connections.push(connection);
      } else {
        const reason = typeof result === "string" ? result : (connection?.errno ?? "closed");
        refused[reason] = (refused[reason] ?? 0) + 1;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(WIDTH, wanted) }, work));
  return { opened, refused };
}

async function echo(forMs: number, everyMs: number): Promise<Echoed> {
  const echoing = connections.filter(({ use }) => use === "echo");
  times = [];
  const startMs = performance.now();
  const endMs = startMs + forMs;
  // Each has its turn once in `everyMs`, in another order every time.
  let turn: Connection[] = [];
  let owed = 0;
  for (let nowMs = startMs, lastMs = startMs; nowMs < endMs; nowMs = performance.now()) {
    for (owed += ((nowMs - lastMs) * echoing.length) / everyMs; owed >= 1; owed--) {
      if (turn.length === 0) turn = shuffled(echoing);
      turn.pop()?.send();
    }
    lastMs = nowMs;
    await sleep(TICK_MS);
  }
  const graceMs = performance.now() + GRACE_MS;
  const isWaiting = ({ isLost, sentMs }: Connection): boolean => !isLost && sentMs !== undefined;
  while (echoing.some(isWaiting) && performance.now() < graceMs) await sleep(TICK_MS);
  return {
    echoes: times.length,
    lost: echoing.filter((connection) => connection.isLost || isWaiting(connection)).length,
    open: connections.filter(({ isLost }) => !isLost).length,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
  };
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function count(): Counted {
  return {
    bytes: connections.filter(({ use }) => use === "read").map(({ socket }) => socket.bytesRead),
    lost: connections.filter(({ isLost }) => isLost).length,
  };
}

async function close(): Promise<Record<string, never>> {
  const closed = connections.map(({ socket }) => new Promise((resolve) => socket.once("close", resolve)));
  const waiting = closed.filter((_, i) => connections[i]?.isLost === false);
  for (const { socket } of connections) socket.destroy();
  await Promise.all(waiting);
  connections = [];
  return {};
}

function run(command: LoadCommand): Promise<unknown> {
  switch (command.does) {
    case "open":
      return open(command.count, command.port, command.use);
    case "echo":
      return echo(command.forMs, command.everyMs);
    case "count":
      return Promise.resolve(count());
    case "close":
      return close();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(JSON.parse(line) as LoadCommand)));
}
process.exit(0);
