/** Questions to a running agent, each with a limit of time. */
import { ResetCode } from "../../agent-src/wire/codes.ts";
import type { Target } from "../../agent-src/wire/target.ts";
import type { Tunnel } from "../tunnel.ts";
import type { Destination } from "./destination.ts";
import type { Answer, Asked } from "./judge-destination.ts";

/** A SYN that was lost is sent again after 1, 3 and 7 s: three chances. Source: RFC 6298 2.1, 5.5. */
export const ANSWER_LIMIT_MS = 10_000;

/** The least of a few is the path; the first one also pays for code that was not yet compiled. */
const ROUNDS = 5;

/** A kind of target that no agent offers, and so refuses at once. */
const NOTHING: Target = { kind: "unknown", number: 255 };

/** Has the server connect there, and ends the connection as soon as it stands. */
export async function askFor(tunnel: Pick<Tunnel, "open">, destination: Destination): Promise<Asked> {
  const { host, port } = destination;
  return { destination, answer: await ask(tunnel, { kind: "tcp", host, port }) };
}

/** ms, or undefined without an answer. */
export async function measureRoundTrip(tunnel: Pick<Tunnel, "open">): Promise<number | undefined> {
  let least: number | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const answer = await ask(tunnel, NOTHING);
    if (answer.type !== "reset" || answer.code !== ResetCode.Unsupported) return undefined;
    least = Math.min(least ?? Infinity, performance.now() - start);
  }
  return least;
}

function ask(tunnel: Pick<Tunnel, "open">, target: Target): Promise<Answer> {
  return new Promise((resolve) => {
    const start = performance.now();
    const timer = setTimeout(() => finish({ type: "silent", ms: ANSWER_LIMIT_MS }), ANSWER_LIMIT_MS);
    const finish = (answer: Answer): void => {
      clearTimeout(timer);
      resolve(answer);
      channel.reset(ResetCode.Aborted, "that was all");
    };
    const channel = tunnel.open(target, {
      opened: () => finish({ type: "opened", ms: performance.now() - start }),
      data: (_channel, bytes) => channel.consume(bytes.length),
      end: () => undefined,
      writable: () => undefined,
      reset: (_channel, code, detail) => finish({ type: "reset", code, detail }),
    });
  });
}
