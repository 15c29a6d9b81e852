/** A small file that is taken for a runtime: a script that becomes this machine's Node, and bytes behind it. */
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { RuntimeFile, RuntimeProvider, RuntimeTarget } from "../../../../bootstrap/runtime-provider.ts";

export async function writeRuntime(
  path: string,
  script: string = `[ "$1" = -v ] && echo v20.20.2 && exit\nexec '${process.execPath}' "$@"`,
  bytes: number = 300_000,
): Promise<RuntimeFile> {
  const content = Buffer.concat([Buffer.from(`#!/bin/sh\n${script}\nexit\n`), randomBytes(bytes)]);
  await writeFile(path, content);
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { path, name: "node", version: "20.20.2", bytes: content.length, sha256, assumes: [] };
}

/** Gives out one file, and keeps what it was asked and told. */
export class OneRuntime implements RuntimeProvider {
  readonly targets: RuntimeTarget[] = [];
  /** Compressed bytes of each upload. */
  readonly uploads: number[] = [];
  private readonly file: RuntimeFile;

  constructor(file: RuntimeFile) {
    this.file = file;
  }

  async find(target: RuntimeTarget): Promise<RuntimeFile> {
    this.targets.push(target);
    return this.file;
  }

  readonly onProgress: NonNullable<RuntimeProvider["onProgress"]> = ({ sentBytes, done }) => {
    if (done) this.uploads.push(sentBytes);
  };
}
