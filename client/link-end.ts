/** Why a link is over, in the user's words. */
import type { Launched } from "../bootstrap/launch.ts";
import type { TransportExit } from "../bootstrap/transport.ts";
import type { SshuttleError } from "../bundler/error.ts";
import { GoAway } from "../agent-src/wire/codes.ts";
import type { LinkEnd } from "../agent-src/wire/event.ts";
import { ClientError } from "./errors.ts";
import type { LastLines } from "./last-lines.ts";

/** How long ssh may take to say why it went, once its pipe is closed. */
const EXIT_WAIT_MS = 3000;

export interface FarSide {
  readonly agent: Pick<Launched, "exit">;
  /** Of the agent's stderr, with ssh's words in it. */
  readonly lastLines: LastLines;
  /** For people: the transport's description. */
  readonly where: string;
  /** What a lost link calls for. */
  readonly hint: string;
}

/** The error for a link that ended by itself; waits a while for the transport's last words. */
export async function explainEnd(
  end: LinkEnd,
  { agent, lastLines, where, hint }: FarSide,
): Promise<SshuttleError> {
  if (end.by === "local" && end.code !== GoAway.Normal) {
    return new ClientError(
      "peer-protocol",
      `Cannot go on with ${where}: it broke the protocol: ${end.detail}`,
    );
  }
  if (end.by === "peer") {
    return new ClientError(
      "peer-protocol",
      `Cannot go on with ${where}: the agent ended the link: ${end.detail}`,
    );
  }
  const exit = await settledWithin(agent.exit, EXIT_WAIT_MS);
  const words = lastLines.last(5).join("; ");
  return new ClientError(
    "link-lost",
    `Lost the link to ${where}: ${end.detail}${exit ? `, ${describeExit(exit)}` : ""}${words === "" ? "" : `: ${words}`}`,
    { hint },
  );
}

function describeExit({ code, signal }: TransportExit): string {
  return signal === null ? `exit status ${code ?? "unknown"}` : `ended by ${signal}`;
}

/** The promise's value, or undefined when it has not settled (or has failed) in time. */
export async function settledWithin<T>(promise: Promise<T>, waitMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, waitMs, undefined);
  });
  try {
    return await Promise.race([promise.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
