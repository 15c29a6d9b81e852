/** Big transfers by curl, checked by hash against what either end can compute for itself. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { LabHost, StartOptions } from "./host.ts";
import type { Received } from "./services.ts";
import { streamBlocks, streamSha256 } from "./stream.ts";

/** Longest that one transfer may take. */
const TRANSFER_MS = 120_000;

export interface TransferOptions extends StartOptions {
  /** For curl, such as a proxy. */
  readonly curl?: readonly string[];
}

/**
 * Fetches `url`, which should be the first `bytes` bytes of the stream.
 * @throws AssertionError if curl fails, or a bit is wrong, missing or too many.
 */
export async function assertDownload(
  host: LabHost,
  url: string,
  bytes: number,
  { curl = [], ...options }: TransferOptions = {},
): Promise<void> {
  const child = host.start(["curl", "--silent", "--show-error", "--fail", ...curl, url], {
    ...options,
    rawStdout: true,
  });
  const hash = createHash("sha256");
  let received = 0;
  child.stdoutStream.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    received += chunk.length;
  });
  const { code } = await child.end(TRANSFER_MS);
  assert.equal(code, 0, child.said);
  assert.equal(received, bytes, `bytes from ${url}`);
  assert.equal(hash.digest("hex"), streamSha256(bytes), `sha256 of ${url}`);
}

/**
 * Sends the first `bytes` bytes of the stream to `url`, a sink.
 * @throws AssertionError if curl fails, or the sink got anything else.
 */
export async function assertUpload(
  host: LabHost,
  url: string,
  bytes: number,
  { curl = [], ...options }: TransferOptions = {},
): Promise<void> {
  const argv = ["curl", "--silent", "--show-error", "--fail", ...curl, "--upload-file", "-", url] as const;
  const child = host.start(argv, options);
  // When curl ends early its own words say more than the broken pipe.
  await pipeline(Readable.from(streamBlocks(bytes), { objectMode: false }), child.stdin).catch(() => {});
  const { code, stdout } = await child.end(TRANSFER_MS);
  assert.equal(code, 0, child.said);
  const received = JSON.parse(stdout) as Received;
  assert.deepEqual(received, { bytes, sha256: streamSha256(bytes) }, `what ${url} received`);
}
