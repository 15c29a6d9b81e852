/** All that is written before the far side is ready, in order, and what it amounts to. */
import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import type { Bundle } from "../bundler/format.ts";
import { encodePayload } from "./payload.ts";
import type { PayloadOptions } from "./payload.ts";
import { COMMAND, discoveryLine } from "./stage0.ts";
import { stage1Text } from "./stage1.ts";
import { STAGE2_FILE, STAGE2_PARAMETERS } from "./stage2-file.ts";

export interface Stages {
  /** For the ssh command line. */
  readonly command: string;
  /** The rest is for stdin, one behind the other. */
  readonly line: string;
  readonly stage1: string;
  /** Deflated. */
  readonly stage2: Uint8Array;
  readonly payload: Uint8Array;
}

export interface StageOptions extends PayloadOptions {
  /** What begins every line that is ours among what the far side prints. */
  readonly mark: string;
  readonly runtime?: string | undefined;
}

export function encodeStages(bundle: Bundle, options: StageOptions): Stages {
  const payload = encodePayload(bundle, options);
  const { MARK, PAYLOAD_BYTES } = STAGE2_PARAMETERS;
  const body = readFileSync(STAGE2_FILE, "utf8");
  const text = `(function(${MARK},${PAYLOAD_BYTES}){${body}\n})("${options.mark}",${payload.length})\n//# sourceURL=stage2`;
  const stage2 = deflateSync(text, { level: 9 });
  const stage1 = stage1Text(stage2.length);
  return {
    command: COMMAND,
    line: discoveryLine(options.mark, stage1, options.runtime),
    stage1,
    stage2,
    payload,
  };
}

/** Hex digits of a mark: 128 bits, which no noise holds by chance. */
export const MARK_CHARS = 32;

/** For figures: it deflates as badly as any. */
const SAMPLE_MARK = "9f86d081884c7d659a2feaa0c55ad015";

/** The stages as `sshuttle bundle --inspect` shows them; the mark is another one at each launch. */
export function describeStages(bundle: Bundle): {
  stage0: string;
  stage1: string;
  stage2Bytes: number;
  bytesBeforeReady: number;
} {
  const stages = encodeStages(bundle, { mark: SAMPLE_MARK, maps: false });
  const stage0 = `${stages.command}\n${stages.line}`;
  const stage2Bytes = stages.stage2.length;
  const bytesBeforeReady = stages.command.length + stages.line.length + stage2Bytes + stages.payload.length;
  return { stage0, stage1: stages.stage1, stage2Bytes, bytesBeforeReady };
}
