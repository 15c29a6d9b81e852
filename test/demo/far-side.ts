/**
 * The demo's remote host: a process with a network of its own, an ssh server, and a page that only it reaches.
 *
 * The parent sends the listening socket of the ssh server over IPC, since a network namespace cannot be dialled
 * from outside; everything else is as on any host: the server runs the command that the client asks for.
 */
import { spawn } from "node:child_process";
import { createServer as createHttpServer } from "node:http";
import { Server as NetServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import ssh2 from "ssh2";
import type { Connection, ServerChannel } from "ssh2";

/** From the parent, with the listening socket as its handle. */
export interface FarSideStart {
  readonly hostKey: string;
  /** OpenSSH public key text of the one user who may log in. */
  readonly userKey: string;
}

/** To the parent, when all is up. */
export interface FarSideReady {
  readonly pagePort: number;
}

process.once("message", (message: FarSideStart, listener: unknown) => {
  if (!(listener instanceof NetServer)) throw new Error("no listening socket came with the message");
  const ssh = new ssh2.Server({ hostKeys: [message.hostKey] }, (connection) =>
    serve(connection, message.userKey),
  );
  listener.on("connection", (socket: Socket) => ssh.injectSocket(socket));
  const page = createHttpServer((_request, response) => {
    response.end("<h1>Intranet</h1> Only the far side reaches this page.\n");
  });
  page.listen(0, "127.0.0.1", () => {
    const ready: FarSideReady = { pagePort: (page.address() as AddressInfo).port };
    process.send?.(ready);
  });
});

// The demo is over, or dead: nothing of it stays.
process.on("disconnect", () => process.exit(0));

function serve(connection: Connection, userKey: string): void {
  const allowed = ssh2.utils.parseKey(userKey);
  if (allowed instanceof Error) throw allowed;
  connection.on("error", () => connection.end());
  connection.on("authentication", (context) => {
    if (context.method !== "publickey" || !allowed.getPublicSSH().equals(context.key.data)) {
      context.reject(["publickey"]);
    } else if (context.signature === undefined || context.blob === undefined) {
      context.accept();
    } else if (allowed.verify(context.blob, context.signature, context.hashAlgo)) {
      context.accept();
    } else {
      context.reject();
    }
  });
  connection.on("session", (accept) => {
    accept().on("exec", (acceptExec, _reject, { command }) => runCommand(acceptExec(), command));
  });
}

/** As sshd does: the login shell gets the command as one string. */
function runCommand(channel: ServerChannel, command: string): void {
  const child = spawn("sh", ["-c", command], { stdio: "pipe" });
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.stdin.on("error", () => channel.end());
  child.on("close", (code, signal) => {
    if (signal === null) channel.exit(code ?? 0);
    else channel.exit(signal.slice("SIG".length), false, "");
    channel.end();
  });
  channel.on("close", () => child.kill("SIGHUP"));
}
