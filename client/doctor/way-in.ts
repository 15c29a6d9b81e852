/** The way in, walked: from ssh on this machine to what the server reaches. */
import { BootstrapError } from "../../bootstrap/errors.ts";
import type { RuntimeFile, RuntimeProvider } from "../../bootstrap/runtime-provider.ts";
import type { Transport, TransportProcess } from "../../bootstrap/transport.ts";
import { SshuttleError } from "../../bundler/error.ts";
import { readAgentBundle } from "../agent-bundle.ts";
import { withCipherPreference } from "../cipher-preference.ts";
import { runtimeProviderFor, transportFor } from "../connection.ts";
import type { ConnectionOptions } from "../connection.ts";
import type { Log } from "../log.ts";
import { findOwnConnections } from "../own-connections.ts";
import { openTunnel } from "../tunnel.ts";
import type { Tunnel } from "../tunnel.ts";
import { askFor, measureRoundTrip } from "./ask.ts";
import { isName } from "./destination.ts";
import type { Destination } from "./destination.ts";
import { judgeAgent } from "./judge-agent.ts";
import { judgeDestination, judgeNamesThere } from "./judge-destination.ts";
import { judgeLaunchFailure } from "./judge-launch.ts";
import type { LaunchFailure, PlannedUpload } from "./judge-launch.ts";
import { LATE, within } from "./limit.ts";
import type { DoctorOptions } from "./options.ts";
import { examineSsh } from "./ssh-program.ts";
import { formatMs, okay, problem } from "./step.ts";
import type { Step } from "./step.ts";

/** How long each part may take. */
export interface Limits {
  /** Silence until the agent is ready. */
  readonly silenceMs: number;
  /** All of the login and the start, for those that go on saying something. */
  readonly loginMs: number;
  /** Of the agent, to one question. */
  readonly answerMs: number;
}

export const LIMITS: Limits = {
  // As long as one may need to find and type a password.
  silenceMs: 60_000,
  loginMs: 150_000,
  // A SYN that was lost is sent again after 1, 3 and 7 s: three chances. Source: RFC 6298 2.1, 5.5.
  answerMs: 10_000,
};

/** For the connection alone; a user's own -o ConnectTimeout stands before it on ssh's command line, and wins. */
const CONNECT_LIMIT_S = 20;

/** A name that everybody's resolver knows, for where no target has one. Source: RFC 2606 3, kept by IANA. */
const KNOWN_NAME: Destination = { host: "example.com", port: 443, isPortGiven: false };

/** Ends after the first step that is in the way of the next. */
export async function* examineWayIn(
  options: DoctorOptions,
  log: Log,
  limits: Limits = LIMITS,
): AsyncGenerator<Step> {
  const preferring = withCipherPreference(options, log);
  const ssh = await examineSsh(options);
  yield ssh;
  if (ssh.status === "problem") return;
  const arrival = await arrive(await preferring, log, limits);
  if ("error" in arrival) {
    yield* judgeLaunchFailure(arrival);
    return;
  }
  const { tunnel, noise, readyMs } = arrival;
  const { farSide, peers, pid } = tunnel;
  try {
    const found = pid === undefined ? [] : findOwnConnections(pid);
    yield* judgeAgent({ peers: [...peers, ...found], noise, farSide, readyMs });
    yield* examineFarSide(tunnel, options.destinations, limits.answerMs);
  } finally {
    await tunnel.close();
  }
}

interface Arrival {
  readonly tunnel: Tunnel;
  readonly noise: Uint8Array;
  readonly readyMs: number;
}

/** As a tunnel does it, but that nobody waits for ever. */
async function arrive(options: DoctorOptions, log: Log, limits: Limits): Promise<Arrival | LaunchFailure> {
  const { transport, hasPrinted, end } = watch(await transportFor(withConnectLimit(options)));
  const { runtime, verbosity } = options;
  const bundle = await readAgentBundle();
  const noise: Uint8Array[] = [];
  const { runtimes, refused } = withoutUploads(runtimeProviderFor(options, log));
  const start = performance.now();
  const opening = openTunnel({
    transport,
    bundle,
    log,
    runtime,
    runtimes,
    verbosity,
    onNoise: (bytes) => noise.push(bytes),
    readyTimeoutMs: limits.silenceMs,
  });
  try {
    const tunnel = await within(limits.loginMs, opening);
    const readyMs = performance.now() - start;
    if (tunnel !== LATE) return { tunnel, noise: Buffer.concat(noise), readyMs };
    end();
    return { error: tooLate(transport.description, limits.loginMs), hasPrinted: hasPrinted() };
  } catch (error) {
    if (error instanceof SshuttleError) return { error, hasPrinted: hasPrinted(), upload: refused() };
    throw error;
  }
}

/** What is there already is used; nothing is brought there. */
function withoutUploads(provider: RuntimeProvider | undefined): {
  readonly runtimes: RuntimeProvider | undefined;
  readonly refused: () => PlannedUpload | undefined;
} {
  if (provider === undefined) return { runtimes: undefined, refused: () => undefined };
  let upload: PlannedUpload | undefined;
  const onUpload = (file: RuntimeFile, folder: string): never => {
    upload = { file, folder };
    throw new BootstrapError("runtime-missing", "Cannot start the agent: the doctor uploads no runtime");
  };
  return { runtimes: { find: (target) => provider.find(target), onUpload }, refused: () => upload };
}

/** A link that ends meanwhile is a problem of its own, and the end of the questions. */
async function* examineFarSide(
  tunnel: Tunnel,
  destinations: readonly Destination[],
  answerMs: number,
): AsyncGenerator<Step> {
  const roundTripMs = await Promise.race([measureRoundTrip(tunnel, answerMs), tunnel.lost]);
  if (roundTripMs instanceof Error) {
    yield problem("link", roundTripMs.message, roundTripMs.hint);
    return;
  }
  yield roundTripMs === undefined
    ? problem(
        "link",
        `no answer over the link within ${answerMs / 1000} s`,
        "see the load of the server, and the way to it",
      )
    : okay("link", `${formatMs(roundTripMs)} there and back`);
  const names = destinations.some(isName) ? [] : [KNOWN_NAME];
  const asking = Promise.all(
    [...destinations, ...names].map((destination) => askFor(tunnel, destination, answerMs)),
  );
  const asked = await Promise.race([asking, tunnel.lost]);
  if (asked instanceof Error) {
    yield problem("link", asked.message, asked.hint);
    return;
  }
  for (const { destination, answer } of asked) {
    if (destination !== KNOWN_NAME) yield judgeDestination({ destination, answer });
  }
  const resolving = judgeNamesThere(asked);
  if (resolving !== undefined) yield resolving;
}

function withConnectLimit<T extends ConnectionOptions>(options: T): T {
  return { ...options, sshCommand: [...options.sshCommand, `-oConnectTimeout=${CONNECT_LIMIT_S}`] };
}

function tooLate(where: string, ms: number): BootstrapError {
  return new BootstrapError(
    "far-side-silent",
    `Cannot start the agent by ${where}: it was not ready within ${ms / 1000} s`,
    { hint: "log in by hand to see what takes so long" },
  );
}

interface WatchedTransport {
  readonly transport: Transport;
  /** Whether anything came on stdout, which is the session's alone. */
  readonly hasPrinted: () => boolean;
  /** Whatever was started. */
  readonly end: () => void;
}

function watch(transport: Transport): WatchedTransport {
  const started: TransportProcess[] = [];
  let hasPrinted = false;
  return {
    transport: {
      description: transport.description,
      spawn(command) {
        const far = transport.spawn(command);
        started.push(far);
        far.stdout.once("readable", () => (hasPrinted ||= far.stdout.readableLength > 0));
        return far;
      },
    },
    hasPrinted: () => hasPrinted,
    end() {
      for (const far of started) far.kill("SIGTERM");
    },
  };
}
