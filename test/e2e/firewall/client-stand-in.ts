/**
 * The client as far as capture goes: it listens, says of each connection where it wanted to go, and has rules
 * made as it is told, one JSON line a command, one an answer.
 *
 *     node client-stand-in.js helper|backend nft|nat|auto
 *
 * "helper" goes through the privileged helper as the client does; "backend" makes rules in this process, so
 * that hundreds of plans take seconds.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { SshuttleError } from "../../../bundler/error.ts";
import { currentInstance, formatInstanceName } from "../../../client/firewall/instance-name.ts";
import { startFirewall } from "../../../client/firewall/launch-helper.ts";
import { chooseMethod } from "../../../client/firewall/method.ts";
import type { Endpoint, Plan } from "../../../client/firewall/plan.ts";
import { descriptorOf, originalDestination } from "../../../client/original-destination.ts";

export type Command =
  | { readonly kind: "listen"; readonly address: string }
  | { readonly kind: "probe" }
  | { readonly kind: "start"; readonly plan: Plan }
  | { readonly kind: "update"; readonly ownConnections: readonly Endpoint[] }
  | { readonly kind: "stop" };

/** What an accepted connection is told before it is closed. */
export interface Verdict {
  /** Where it wanted to go; null if it has dialled the listener itself. */
  readonly captured: Endpoint | null;
}

interface Rules {
  start(plan: Plan): Promise<void>;
  update(ownConnections: readonly Endpoint[]): Promise<void>;
  stop(): Promise<void>;
}

const [mode, wish = "auto"] = process.argv.slice(2);
const method = wish === "nft" || wish === "nat" ? wish : "auto";
let rules: Rules | undefined;

async function handle(command: Command): Promise<unknown> {
  switch (command.kind) {
    case "listen":
      return await listen(command.address);
    case "probe":
      return mode === "helper" ? await probeHelper() : await probeBackend();
    case "start":
      return await rules?.start(command.plan);
    case "update":
      return await rules?.update(command.ownConnections);
    case "stop":
      return await rules?.stop();
  }
}

/** "::" is all addresses of both families, each with a socket of its own as the client has it. */
async function listen(address: string): Promise<number> {
  const port = await listenOn(address, 0);
  if (address === "::") await listenOn("0.0.0.0", port);
  return port;
}

async function listenOn(host: string, port: number): Promise<number> {
  const server = createServer(answer).listen({ host, port, ipv6Only: true });
  await once(server, "listening");
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : 0;
}

function answer(socket: Socket): void {
  const family = socket.localFamily === "IPv6" ? 6 : 4;
  const verdict: Verdict = { captured: originalDestination(descriptorOf(socket) ?? -1, family) ?? null };
  socket.on("error", () => undefined).end(JSON.stringify(verdict));
}

async function probeHelper(): Promise<unknown> {
  const command = [process.execPath, join(import.meta.dirname, "helper-main.js"), "firewall-helper"];
  const firewall = await startFirewall({ method, command });
  rules = firewall;
  firewall.lost.then(
    (error) => console.log(JSON.stringify({ lost: error.code })),
    (error: unknown) => console.error(error),
  );
  const { families, reason, warnings } = firewall;
  return { method: firewall.method, families, reason, warnings };
}

async function probeBackend(): Promise<unknown> {
  const { backend } = await chooseMethod(method, formatInstanceName(currentInstance()), ["true"]);
  rules = {
    start: (plan) => backend.apply(plan),
    update: (own) => backend.update(own),
    stop: () => backend.undo(),
  };
  return { method: backend.method, families: backend.families, warnings: backend.warnings };
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  try {
    console.log(JSON.stringify({ result: (await handle(command)) ?? null }));
  } catch (error) {
    const code = error instanceof SshuttleError ? error.code : "unexpected";
    const message = error instanceof Error ? error.message : String(error);
    console.log(JSON.stringify({ error: code, message }));
  }
}
process.exit(0);
