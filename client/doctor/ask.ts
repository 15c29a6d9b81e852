/** Questions to a running agent, each with a limit of time. */
import { ResetCode } from "../../agent-src/wire/codes.ts";
import type { Target } from "../../agent-src/wire/target.ts";
import type { Tunnel } from "../tunnel.ts";
import type { Destination } from "./destination.ts";
import type { Answer, Asked } from "./judge-destination.ts";

/** The least of a few is the path; the first one also pays for code that was not yet compiled. */
const ROUNDS = 5;

/** A kind of target that no agent offers, and so refuses at once. */
const NOTHING: Target = { kind: "unknown", number: 255 };

type Opener = Pick<Tunnel, "open">;

/** Has the server connect there, and resets the connection as soon as it stands. */
export async function askFor(tunnel: Opener, destination: Destination, limitMs: number): Promise<Asked> {
  const { host, port } = destination;
  return { destination, answer: await ask(tunnel, { kind: "tcp", host, port }, limitMs) };
}

/** ms, or undefined without an answer. */
export async function measureRoundTrip(tunnel: Opener, limitMs: number): Promise<number | undefined> {
  let least: number | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const answer = await ask(tunnel, NOTHING, limitMs);
    if (answer.type !== "reset" || answer.code !== ResetCode.Unsupported) return undefined;
    least = Math.min(least ?? Infinity, performance.now() - start);
  }
  return least;
}

function ask(tunnel: Opener, target: Target, limitMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const start = performance.now();
    const timer = setTimeout(() => finish({ type: "silent", ms: limitMs }), limitMs);
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
      reset(_channel, code, detail) {
        // No agent answers so: the link is over, which is the tunnel's to tell, and nothing to wait for.
        if (code === ResetCode.Aborted) timer.unref();
        else finish({ type: "reset", code, detail });
      },
    });
  });
}
