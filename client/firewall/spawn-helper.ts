/**
 * Starts the privileged helper and meets it on a socket of its own.
 *
 * Neither the terminal nor stdin and stdout carry anything: sudo may show banners there, close descriptors or
 * put a terminal of its own between (use_pty). The socket is in a directory that only this user can enter, and
 * the helper shows a number that only it was given.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { FirewallError } from "./errors.ts";
import { HelperChannel } from "./helper-channel.ts";
import { CHANNEL_VERSION } from "./reply.ts";

export interface SpawnedHelper {
  readonly channel: HelperChannel;
  /** Resolves when the process that was started, sudo perhaps, has ended. */
  readonly exited: Promise<void>;
}

/** From the connection to the greeting: no work is done between them. */
const HELLO_TIMEOUT_MS = 10_000;
/** sun_path holds 108 bytes with its final NUL. Source: unix(7). */
const MAX_SOCKET_PATH_BYTES = 107;
const NO_FIREWALL_HINT = "as root it needs neither; --socks 1080 needs no privilege at all";

/**
 * Starts `command`, by sudo or doas unless this process is root, and waits for it to connect, however long
 * the user takes over a password.
 * @throws FirewallError "firewall-no-permission" if it ends before that, or neither sudo nor doas exists.
 */
export async function spawnHelper(command: readonly string[]): Promise<SpawnedHelper> {
  const nonce = randomBytes(16).toString("hex");
  const prefix = privilegePrefix();
  const directory = await makePrivateDirectory();
  const path = join(directory, "helper");
  const server = createServer();
  try {
    server.listen(path);
    await once(server, "listening");
    const [program = "", ...args]: readonly string[] = [...prefix, ...command, path, nonce];
    // stdout would be the client's own output; whatever sudo says belongs on stderr.
    const child = spawn(program, args, {
      cwd: "/",
      stdio: ["ignore", 2, 2],
      // A session of its own where no password is asked for: Ctrl-C is then the client's alone.
      detached: prefix.length === 0,
    });
    const exited = endOf(child);
    const channel = await Promise.race([greet(server, nonce), refusedBy(child, prefix[0])]);
    return { channel, exited };
  } finally {
    server.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** The words that make a command run as root: none if this process is. */
export function privilegePrefix(): string[] {
  if (process.geteuid?.() === 0) return [];
  if (isInPath("sudo")) return ["sudo", "-p", "[sudo] password for %p, to change the firewall: ", "--"];
  if (isInPath("doas")) return ["doas", "--"];
  throw new FirewallError(
    "firewall-no-permission",
    "Cannot change the firewall: this needs root, and there is neither sudo nor doas",
    { hint: NO_FIREWALL_HINT },
  );
}

async function makePrivateDirectory(): Promise<string> {
  const longest = join(tmpdir(), "sshuttle-XXXXXX", "helper");
  const base = Buffer.byteLength(longest) <= MAX_SOCKET_PATH_BYTES ? tmpdir() : "/tmp";
  return await mkdtemp(join(base, "sshuttle-"));
}

/** The first connection that says hello with the right number; others are shown the door. */
function greet(server: Server, nonce: string): Promise<HelperChannel> {
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.on("connection", (socket) => {
      const channel = new HelperChannel(socket);
      knowsNonce(channel, nonce).then((known) => (known ? resolve(channel) : channel.destroy()), reject);
    });
  });
}

async function knowsNonce(channel: HelperChannel, nonce: string): Promise<boolean> {
  try {
    const reply = await channel.next(HELLO_TIMEOUT_MS);
    return reply.kind === "hello" && reply.nonce === nonce && reply.version === CHANNEL_VERSION;
  } catch {
    return false;
  }
}

async function refusedBy(child: ChildProcess, via: string | undefined): Promise<never> {
  const reason = await new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(`${via ?? "the helper"} ended with ${code ?? signal}`));
  });
  throw new FirewallError(
    via === undefined ? "firewall-helper-failed" : "firewall-no-permission",
    `Cannot start the firewall helper: ${reason}`,
    { hint: NO_FIREWALL_HINT },
  );
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
}

function isInPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
