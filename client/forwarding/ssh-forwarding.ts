/** `ssh -D`: sshd's own forwarding, for hosts on which no program of ours may run. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnChild } from "../../bootstrap/child-transport.ts";
import { explainFailure } from "../../bootstrap/failure.ts";
import type { TransportExit, TransportProcess } from "../../bootstrap/transport.ts";
import type { SshuttleError } from "../../bundler/error.ts";
import { listen } from "../intake/listener.ts";
import type { Remote } from "../remote.ts";
import type { Undo } from "../undo.ts";

/** A running ssh that forwards what SOCKS clients on a port of loopback ask for. */
export interface SshForwarding {
  readonly port: number;
  readonly pid: number | undefined;
  /** What ssh says meanwhile, one piece at a time: each connection that it could not make. */
  onWords: (text: string) => void;
  /** Resolves with the reason when ssh ends by itself; after close(), too. */
  readonly ended: Promise<SshuttleError>;
  close(): Promise<void>;
}

/** sshd gives a user 120 s to log in (LoginGraceTime). */
const READY_TIMEOUT_MS = 150_000;
/** How long ssh may take to go after SIGTERM. */
const CLOSE_WAIT_MS = 3000;
const MAX_WORDS_BYTES = 65_536;

/**
 * A dead peer must be noticed and there is no link of ours that pings. A shared connection would keep the forwarding
 * after we have gone. LocalCommand is run when the session and its forwarding stand, and tells us so.
 */
function optionsFor(mark: string, port: number): string[] {
  return [
    "-oClearAllForwardings=no",
    "-oExitOnForwardFailure=yes",
    "-oControlMaster=no",
    "-oControlPath=none",
    "-oServerAliveInterval=15",
    "-oServerAliveCountMax=3",
    "-oForkAfterAuthentication=no",
    "-oRemoteCommand=none",
    "-oRequestTTY=no",
    "-oPermitLocalCommand=yes",
    `-oLocalCommand=echo ${mark}`,
    "-NT",
    "-D",
    `127.0.0.1:${port}`,
  ];
}

/**
 * Resolves when the forwarding stands. `undo` gets the step that ends it.
 * @throws BootstrapError with ssh's reason. Nothing is left running.
 */
export async function startSshForwarding(
  { destination, port }: Remote,
  [program = "ssh", ...args]: readonly string[],
  undo: Undo,
): Promise<SshForwarding> {
  const mark = randomBytes(16).toString("hex");
  const socksPort = await freePort();
  const portArgs = port === undefined ? [] : ["-p", String(port)];
  const ssh = spawnChild(program, [...args, ...optionsFor(mark, socksPort), ...portArgs, "--", destination]);
  // Even when a signal comes while ssh still asks for a password.
  undo.push(() => end(ssh));
  let stderr = "";
  let isReady = false;
  const forwarding: Pick<SshForwarding, "onWords"> = { onWords: () => undefined };
  ssh.stderr.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString("utf8")).slice(-MAX_WORDS_BYTES);
    if (isReady) forwarding.onWords(chunk.toString("utf8"));
  });
  const description = `ssh ${destination}`;
  const explain = (exit: TransportExit | { readonly startError: Error }, timedOut: boolean): SshuttleError =>
    explainFailure({
      description,
      mark,
      stderr,
      noise: new Uint8Array(),
      timedOut,
      code: "code" in exit ? exit.code : null,
      signal: "signal" in exit ? exit.signal : null,
      startError: "startError" in exit ? exit.startError : undefined,
    });
  const outcome = ssh.exit.catch((startError: Error) => ({ startError }));
  const ready = awaitWord(ssh.stdout, mark);
  const timer = new AbortController();
  const late = sleep(READY_TIMEOUT_MS, "late" as const, { signal: timer.signal }).catch(
    () => "late" as const,
  );
  const first = await Promise.race([ready, outcome, late]);
  timer.abort();
  if (first !== "ready") {
    await end(ssh);
    throw first === "late" ? explain({ code: null, signal: null }, true) : explain(first, false);
  }
  isReady = true;
  return Object.assign(forwarding, {
    port: socksPort,
    pid: ssh.pid,
    ended: outcome.then((exit) => explain(exit, false)),
    close: () => end(ssh),
  });
}

async function end(ssh: TransportProcess): Promise<void> {
  ssh.kill("SIGTERM");
  const patience = new AbortController();
  const late = sleep(CLOSE_WAIT_MS, "late", { signal: patience.signal }).catch(() => undefined);
  if ((await Promise.race([ssh.exit.catch(() => undefined), late])) === "late") ssh.kill("SIGKILL");
  patience.abort();
}

/** Another program may take it before ssh does; ssh then says so and ends. ssh itself knows no port 0 here. */
async function freePort(): Promise<number> {
  const listener = await listen({ family: 4, address: "127.0.0.1", port: 0 }, (socket) => socket.destroy());
  await listener.close();
  return listener.endpoint.port;
}

function awaitWord(stdout: NodeJS.ReadableStream, word: string): Promise<"ready"> {
  let tail = "";
  return new Promise((resolve) => {
    stdout.on("data", (chunk: Buffer) => {
      tail = (tail + chunk.toString("latin1")).slice(-2 * MAX_WORDS_BYTES);
      if (tail.includes(word)) resolve("ready");
    });
  });
}
