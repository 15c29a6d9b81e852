import assert from "node:assert/strict";
import { test } from "node:test";
import { FLIGHT_BYTES } from "../../../agent-src/wire/flight.ts";
import { UsageError } from "../../../client/errors.ts";
import { MAX_LATENCY_BUFFER_BYTES, MIN_LATENCY_BUFFER_BYTES } from "../../../client/latency.ts";
import { parseTunnelOptions } from "../../../client/options.ts";

function flightBytesOf(...argv: string[]): number | undefined {
  const options = parseTunnelOptions(["-r", "host", "10/8", ...argv]);
  assert.ok(typeof options === "object");
  return options.flightBytes;
}

function refused(argv: readonly string[], message: RegExp): void {
  const refusal = (error: unknown): boolean => error instanceof UsageError && message.test(error.message);
  assert.throws(() => flightBytesOf(...argv), refusal, argv.join(" "));
}

test("link control decides what is in flight, unless sshuttle's options say it", () => {
  assert.equal(flightBytesOf(), undefined);
  assert.equal(flightBytesOf("--no-latency-control"), FLIGHT_BYTES);
  assert.equal(flightBytesOf("--latency-buffer-size", "32768"), 32_768);
  assert.equal(flightBytesOf("--latency-buffer-size=1048576"), 1_048_576);
});

test("--latency-buffer-size is a whole number from the least to the most", () => {
  assert.equal(flightBytesOf("--latency-buffer-size", String(MIN_LATENCY_BUFFER_BYTES)), 1024);
  assert.equal(flightBytesOf("--latency-buffer-size", String(MAX_LATENCY_BUFFER_BYTES)), 67_108_864);
  for (const bytes of [MIN_LATENCY_BUFFER_BYTES - 1, MAX_LATENCY_BUFFER_BYTES + 1, 0, 10 ** 14])
    refused(
      ["--latency-buffer-size", String(bytes)],
      /buffer of "\d+": it is out of range, allowed are 1024 to/,
    );
  for (const text of ["", "many", "1e6", "0x8000", "32768.5", "32k", " 32768", "9".repeat(30), "-1"])
    refused([`--latency-buffer-size=${text}`], /it is no whole number of bytes/);
  refused(["--latency-buffer-size"], /Cannot read the command line/);
});

test("what contradicts --latency-buffer-size is refused", () => {
  refused(["--latency-buffer-size", "32768", "--no-latency-control"], /with --no-latency-control/);
  refused(["--latency-buffer-size", "32768", "--no-agent"], /with --no-agent/);
  assert.equal(flightBytesOf("--no-latency-control", "--no-agent"), FLIGHT_BYTES);
});
