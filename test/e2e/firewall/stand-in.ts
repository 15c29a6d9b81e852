/** The test's end of client-stand-in.ts. */
import type { LabHost, StartOptions } from "../../lab/host.ts";
import { PROJECT_IN_LAB } from "../../lab/keeper.ts";
import type { LabProcess } from "../../lab/lab-process.ts";
import type { Endpoint, Plan } from "../../../client/firewall/plan.ts";
import type { Command, Verdict } from "./client-stand-in.ts";

export type Mode = "helper" | "backend";
export type Wish = "nft" | "nat" | "auto";

export interface Probed {
  readonly method: "nft" | "nat";
  readonly families: readonly (4 | 6)[];
  readonly reason: string;
  readonly warnings: readonly string[];
}

/** A command was refused, with an error's code. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

export class StandIn {
  readonly process: LabProcess;
  private answers = 0;

  constructor(
    host: LabHost,
    mode: Mode,
    wish: Wish,
    options: StartOptions & { via?: readonly string[] } = {},
  ) {
    const script = `${PROJECT_IN_LAB}/dist/test/e2e/firewall/client-stand-in.js`;
    const argv = ["node", "--enable-source-maps", script, mode, wish] as const;
    const [first = "node", ...rest]: readonly string[] = [...(options.via ?? []), ...argv];
    this.process = host.start([first, ...rest], options);
  }

  /** Listens on an address; resolves with the port. */
  async listen(address: string): Promise<number> {
    return Number(await this.ask({ kind: "listen", address }));
  }

  async probe(): Promise<Probed> {
    return (await this.ask({ kind: "probe" })) as Probed;
  }

  async start(plan: Plan): Promise<void> {
    await this.ask({ kind: "start", plan });
  }

  async update(ownConnections: readonly Endpoint[]): Promise<void> {
    await this.ask({ kind: "update", ownConnections });
  }

  async stop(): Promise<void> {
    await this.ask({ kind: "stop" });
  }

  /** Ends the process without stop(). */
  async end(): Promise<void> {
    this.process.stdin.end();
    await this.process.end();
  }

  private async ask(command: Command): Promise<unknown> {
    this.process.stdin.write(`${JSON.stringify(command)}\n`);
    const number = this.answers++;
    const answer = new RegExp(
      `^(?:(?:\\{"lost".*\\n)*\\{"(?:result|error)".*\\n){${number}}(?:\\{"lost".*\\n)*(\\{"(?:result|error)".*)\\n`,
    );
    const [, line = ""] = await this.process.output(answer);
    const { result, error, message } = JSON.parse(line) as {
      result?: unknown;
      error?: string;
      message?: string;
    };
    if (error !== undefined) throw new Refused(error, message ?? "");
    return result;
  }
}

/** What a connection met: our listener, with where it wanted to go, or anything else. */
export async function dial(
  from: LabHost,
  address: string,
  port: number,
): Promise<Verdict["captured"] | "direct"> {
  const { head, connected } = await from.exchange({ address, port, end: "after-receive", timeoutMs: 5000 });
  if (!connected || !head.startsWith('{"captured"')) return "direct";
  return (JSON.parse(head) as Verdict).captured;
}
