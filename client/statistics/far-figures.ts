/** The far side's half of the link, as it says. It may say anything: what is no plain figure is no answer. */
import { Collect } from "../../agent-src/wire/collect.ts";
import type { Link } from "../../agent-src/wire/link.ts";
import type { ControlState } from "../../agent-src/wire/link-control.ts";
import { MAX_STATS_BYTES, STATS_KIND } from "../../agent-src/wire/stats.ts";
import type { LinkStats } from "../../agent-src/wire/stats.ts";
import { settledWithin } from "../link-end.ts";

const CONTROLS: Readonly<Record<ControlState | "none", true>> = {
  none: true,
  startup: true,
  drain: true,
  cruise: true,
  up: true,
  down: true,
  rtt: true,
};

/** Longest round trip that is taken for one, ms: by then the link counts as lost. */
const MAX_RTT_MS = 3_600_000;

/** Asks the far side; undefined if it does not answer in time, or not properly. Never fails. */
export async function askFarSide(link: Pick<Link, "open">, waitMs: number): Promise<LinkStats | undefined> {
  let give: (answer: LinkStats | undefined) => void = () => {};
  const answer = new Promise<LinkStats | undefined>((resolve) => (give = resolve));
  const channel = link.open(
    { kind: "unknown", number: STATS_KIND },
    new Collect(
      MAX_STATS_BYTES,
      (bytes) => give(parseLinkStats(bytes)),
      () => give(undefined),
    ),
  );
  const stats = await settledWithin(answer, waitMs);
  if (stats === undefined) channel.reset();
  return stats;
}

/** The figures in an answer; undefined unless it is JSON that has all of them and each is what it may be. */
export function parseLinkStats(answer: Uint8Array): LinkStats | undefined {
  let said: unknown;
  try {
    said = JSON.parse(Buffer.from(answer).toString("latin1"));
  } catch {
    return undefined;
  }
  if (!isRecord(said)) return undefined;
  const sentBytes = count(said["sentBytes"]);
  const ackedBytes = count(said["ackedBytes"]);
  const receivedBytes = count(said["receivedBytes"]);
  const capBytes = count(said["capBytes"]);
  const queuedBytes = count(said["queuedBytes"]);
  const connections = count(said["connections"]);
  const bytesPerS = said["bytesPerS"] === null ? null : count(said["bytesPerS"]);
  const minRttMs = said["minRttMs"] === null ? null : milliseconds(said["minRttMs"]);
  const control = said["control"];
  if (
    sentBytes === undefined ||
    ackedBytes === undefined ||
    ackedBytes > sentBytes ||
    receivedBytes === undefined ||
    capBytes === undefined ||
    queuedBytes === undefined ||
    connections === undefined ||
    bytesPerS === undefined ||
    minRttMs === undefined ||
    !isControl(control)
  ) {
    return undefined;
  }
  return {
    sentBytes,
    ackedBytes,
    receivedBytes,
    capBytes,
    queuedBytes,
    connections,
    bytesPerS,
    minRttMs,
    control,
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function milliseconds(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value <= MAX_RTT_MS ? value : undefined;
}

function isControl(value: unknown): value is ControlState | "none" {
  return typeof value === "string" && Object.hasOwn(CONTROLS, value);
}
