/**
 * The application in a lab: a program on one of its hosts that makes connections as it is told, one
 * JSON line a request, one an answer. It is there so that a thousand connections need one process.
 */
import { createHash } from "node:crypto";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";

export interface ExchangeRequest {
  readonly address: string;
  readonly port: number;
  /** Written after connecting, latin1. */
  readonly send?: string;
  /** Sends this many bytes more, all of them "x". */
  readonly sendBytes?: number;
  /** When our side ends: after sending, once the other side has ended, or not before the answer is there. */
  readonly end?: "after-send" | "after-receive" | "never";
  /** The answer is there when so many bytes have come; without it, at the other side's end. */
  readonly receiveBytes?: number;
  /** false: reads nothing, keeps the connection, and the answer is there once everything is sent. */
  readonly read?: boolean;
  readonly timeoutMs?: number;
}

export interface ExchangeResult {
  /** errno of what went wrong, such as "ECONNREFUSED", or "TIMEOUT". What came before stands in the rest. */
  readonly error?: string;
  readonly connected: boolean;
  readonly bytes: number;
  readonly sha256: string;
  /** The first 4 KiB, latin1. */
  readonly head: string;
  /** The local port of the connection. */
  readonly localPort?: number;
}

const HEAD_BYTES = 4096;

/** Connections that were left open on purpose, kept until the process ends. */
const held = new Set<Socket>();

async function exchange(request: ExchangeRequest): Promise<ExchangeResult> {
  const {
    address,
    port,
    send = "",
    sendBytes = 0,
    end = "after-receive",
    receiveBytes,
    read = true,
  } = request;
  const hash = createHash("sha256");
  const head: Buffer[] = [];
  let bytes = 0;
  let connected = false;
  let localPort: number | undefined;
  const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
  const error = await new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => resolve("TIMEOUT"), request.timeoutMs ?? 15_000);
    const finish = (outcome?: string): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    const sent = (): void => (read ? undefined : finish());
    socket.on("error", (failure: NodeJS.ErrnoException) => finish(failure.code ?? failure.message));
    socket.on("connect", () => {
      connected = true;
      localPort = socket.localPort;
      const body = Buffer.concat([Buffer.from(send, "latin1"), Buffer.alloc(sendBytes, "x")]);
      if (end === "after-send") socket.end(body, sent);
      else if (body.length > 0) socket.write(body, sent);
      else sent();
    });
    if (!read) return;
    socket.on("data", (chunk: Buffer) => {
      hash.update(chunk);
      if (bytes < HEAD_BYTES) head.push(chunk.subarray(0, HEAD_BYTES - bytes));
      bytes += chunk.length;
      if (receiveBytes !== undefined && bytes >= receiveBytes) finish();
    });
    socket.on("end", () => {
      if (end === "after-receive") socket.end(() => finish());
      else finish();
    });
  });
  if (!read || end === "never") held.add(socket.on("error", () => held.delete(socket)));
  else socket.destroy();
  return {
    ...(error === undefined ? {} : { error }),
    connected,
    bytes,
    sha256: hash.digest("hex"),
    head: Buffer.concat(head).toString("latin1"),
    ...(localPort === undefined ? {} : { localPort }),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, request } = JSON.parse(line) as { id: number; request: ExchangeRequest };
  exchange(request).then(
    (result) => console.log(JSON.stringify({ id, result })),
    (error: unknown) => {
      console.error(error);
      process.exit(70);
    },
  );
}
process.exit(0);
