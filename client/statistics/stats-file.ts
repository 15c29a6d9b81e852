import { createWriteStream, openSync } from "node:fs";
import type { WriteStream } from "node:fs";
import { once } from "node:events";
import { ClientError } from "../errors.ts";
import { settledWithin } from "../link-end.ts";
import type { Log } from "../log.ts";

/** What may wait for a file that takes nothing (a pipe that nobody reads); lines beyond that are left out. */
const MAX_WAITING_BYTES = 1_048_576;

/** How long the last lines may take, ms. */
const CLOSE_WAIT_MS = 500;

/** The file of --stats-json: one sample a line. What becomes of it never stops the tunnel. */
export class StatsFile {
  private readonly stream: WriteStream;
  private hasFailed = false;

  /**
   * Makes or empties the file.
   * @throws ClientError "file-write".
   */
  constructor(path: string, log: Log) {
    let fd: number;
    try {
      fd = openSync(path, "w");
    } catch (cause) {
      throw new ClientError("file-write", `Cannot write "${path}": ${reasonOf(cause)}`, { cause });
    }
    this.stream = createWriteStream(path, { fd });
    this.stream.on("error", (error) => {
      this.hasFailed = true;
      log(0, `Cannot write "${path}": ${reasonOf(error)}; the tunnel goes on without statistics there`);
    });
  }

  write(sample: unknown): void {
    const { writableEnded, writableLength } = this.stream;
    if (this.hasFailed || writableEnded || writableLength > MAX_WAITING_BYTES) return;
    this.stream.write(`${JSON.stringify(sample)}\n`);
  }

  /** Resolves when everything is written, or will not be. */
  async close(): Promise<void> {
    if (this.hasFailed) return;
    const closed = once(this.stream, "close");
    this.stream.end();
    await settledWithin(closed, CLOSE_WAIT_MS);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
