/** A transport by the ssh2 package, just enough for the demo's server: one key, one host key, both known. */
import { PassThrough } from "node:stream";
import ssh2 from "ssh2";
import type { Transport, TransportExit, TransportProcess } from "../../bootstrap/transport.ts";

export interface Ssh2Destination {
  readonly port: number;
  readonly privateKey: string;
  /** The one host key that is accepted, in SSH wire form. */
  readonly hostKey: Buffer;
}

/** Runs each command in a connection of its own to a server on loopback. */
export function ssh2Transport(destination: Ssh2Destination): Transport {
  return {
    description: `ssh2 to 127.0.0.1:${destination.port}`,
    spawn: (command) => startCommand(destination, command),
  };
}

function startCommand({ port, privateKey, hostKey }: Ssh2Destination, command: string): TransportProcess {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const client = new ssh2.Client();
  const exit = new Promise<TransportExit>((resolve, reject) => {
    client.on("error", reject);
    client.on("ready", () => {
      client.exec(command, (error, channel) => {
        if (error !== undefined) {
          reject(error);
          return;
        }
        let ended: TransportExit = { code: null, signal: null };
        stdin.pipe(channel).pipe(stdout);
        channel.stderr.pipe(stderr);
        channel.on("exit", (code: number | null, signal?: string) => {
          ended = { code, signal: signal === undefined ? null : `SIG${signal}` };
        });
        channel.on("close", () => {
          client.end();
          resolve(ended);
        });
      });
    });
  });
  client.connect({
    host: "127.0.0.1",
    port,
    username: "demo",
    privateKey,
    hostVerifier: (key: Buffer) => key.equals(hostKey),
  });
  return { stdin, stdout, stderr, pid: undefined, exit, kill: () => client.end() };
}
