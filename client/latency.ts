/** sshuttle's own two options on what may be in flight; without either, link control finds it out (docs/link.md). */
import { FLIGHT_BYTES } from "../agent-src/wire/flight.ts";
import { UsageError } from "./errors.ts";

/** For readArguments(). */
export const LATENCY_SPECIFICATION = {
  "no-latency-control": { type: "boolean" },
  "latency-buffer-size": { type: "string" },
} as const;

interface LatencyValues {
  readonly "no-latency-control"?: boolean | undefined;
  readonly "latency-buffer-size"?: string | undefined;
}

/** A frame of data that is worth its header: MIN_DATA_BYTES of the mux. */
export const MIN_LATENCY_BUFFER_BYTES = 1024;

/** 5 Gbit/s over 100 ms. Both ends may come to hold as much of the link until it is acknowledged. */
export const MAX_LATENCY_BUFFER_BYTES = 67_108_864;

/**
 * Bytes that either side may have in flight, as a fixed number; undefined: link control decides.
 * @throws UsageError for a size that cannot be meant, or both options.
 */
export function parseLatency(values: LatencyValues): number | undefined {
  const size = values["latency-buffer-size"];
  if (values["no-latency-control"] !== true) return size === undefined ? undefined : parseSize(size);
  if (size === undefined) return FLIGHT_BYTES;
  throw new UsageError(
    "Cannot use --latency-buffer-size with --no-latency-control: that one limits nothing for the sake of latency",
    "leave one of them out",
  );
}

function parseSize(text: string): number {
  const bytes = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (bytes >= MIN_LATENCY_BUFFER_BYTES && bytes <= MAX_LATENCY_BUFFER_BYTES) return bytes;
  throw new UsageError(
    `Cannot use a latency buffer of "${text}": it is ${Number.isNaN(bytes) ? "no whole number of bytes" : "out of range"}, allowed are ${MIN_LATENCY_BUFFER_BYTES} to ${MAX_LATENCY_BUFFER_BYTES}`,
    "example: --latency-buffer-size 32768",
  );
}
