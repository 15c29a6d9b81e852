/** Brings a runtime to a machine that has none, by the sh that looked for it, and over the same session. */
import { createReadStream } from "node:fs";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { printable } from "../../bundler/printable.ts";
import { BootstrapError } from "../errors.ts";
import type { RuntimeFile, RuntimeProvider, UploadProgress } from "../runtime-provider.ts";
import { describeTarget } from "../runtimes/sources.ts";
import type { Dialogue } from "./dialogue.ts";
import { MACHINE_SCRIPT, parseMachine } from "./machine.ts";
import type { Machine } from "./machine.ts";
import { LEAVE_SCRIPT, placeScript, receiveScript } from "./scripts.ts";

/** More places than are ever offered. */
const MAX_PLACES = 8;

export interface ProvideRequest {
  readonly dialogue: Dialogue;
  readonly provider: RuntimeProvider;
  /** The transport's description. */
  readonly where: string;
  /** What stage 0 said that it tried. */
  readonly tried: string;
  /** What is being done, for a message in case the far side ends. */
  readonly onStep: (step: string) => void;
}

/**
 * Resolves with the runtime that is in $f of the far side's shell, verified, ready to be started by startScript().
 * @throws BootstrapError if there is none for such a machine, no place for it, or if it does not start there.
 */
export async function provideRuntime(request: ProvideRequest): Promise<RuntimeFile> {
  const { dialogue, provider, where, onStep } = request;
  onStep("it was asked what machine it is");
  const machine = parseMachine(await dialogue.ask(MACHINE_SCRIPT));
  if (machine === undefined) throw failed(where, "a runtime", "what it says of itself is not understood");
  const file = await provider.find(machine.target).catch((error: unknown) => {
    throw withTried(error, request.tried);
  });
  const what = `${file.name} ${file.version}`;
  const lacking = lackingTools(machine);
  if (lacking !== undefined) throw failed(where, what, `there is ${lacking}`);
  const reasons: string[] = [];
  let after = 0;
  for (let places = 0; places < MAX_PLACES; places++) {
    const before = reasons.length === 0 ? "a" : `after ${reasons.join("; ")}, another`;
    onStep(`${before} place for ${what} was looked for`);
    const answer = await dialogue.ask(placeScript(file, machine.target, after));
    if (answer.startsWith("use ")) return file;
    const place = /^place (\d{1,2}) (.*)$/.exec(answer);
    if (place === null) {
      const more = /^none(.*?);?$/.exec(answer)?.[1]?.trim();
      throw failed(where, what, [...reasons, more ?? "it gave no place"].filter(Boolean).join("; "));
    }
    after = Number(place[1]);
    try {
      provider.onUpload?.(file, place[2] ?? "");
    } catch (error) {
      dialogue.say(LEAVE_SCRIPT);
      throw error;
    }
    onStep(`${what} was being uploaded`);
    const outcome = await send(dialogue, provider, file, machine);
    if (outcome === "stored") return file;
    const words = /^unusable(.*)$/.exec(outcome)?.[1];
    if (words !== undefined) throw unusable(where, machine, file, words.trim());
    reasons.push(/^failed (.*)$/.exec(outcome)?.[1]?.trim() ?? "its answer is not understood");
  }
  throw failed(where, what, reasons.join("; "));
}

function withTried(error: unknown, tried: string): unknown {
  if (!(error instanceof BootstrapError)) return error;
  const message = `${error.message}; tried there: ${printable(tried)}`;
  return new BootstrapError(error.code, message, { cause: error, hint: error.hint });
}

async function send(
  dialogue: Dialogue,
  provider: RuntimeProvider,
  file: RuntimeFile,
  { target, tools: { gzip } }: Machine,
): Promise<string> {
  let sentBytes = 0;
  const report = (totalBytes: number | undefined, done: boolean): void => {
    const progress: UploadProgress = { file, sentBytes, totalBytes, done };
    provider.onProgress?.(progress);
  };
  report(undefined, false);
  const compressed = gzip ? await compress(file.path) : undefined;
  const pieces = compressed ?? createReadStream(file.path);
  const bytes = compressed?.reduce((sum, { length }) => sum + length, 0) ?? file.bytes;
  try {
    return await dialogue.upload(receiveScript(file, target, { bytes, gzip }), pieces, (sent) => {
      sentBytes += sent;
      report(bytes, false);
    });
  } finally {
    report(bytes, true);
  }
}

/** All of it, since the far side must be told first how much it is. */
async function compress(path: string): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  const stream = createReadStream(path);
  const gzip = createGzip({ level: 6 });
  stream.once("error", (error) => gzip.destroy(error));
  gzip.on("data", (piece: Buffer) => pieces.push(piece));
  await finished(stream.pipe(gzip));
  return pieces;
}

function lackingTools({ tools }: Machine): string | undefined {
  if (!tools.head) return "no head that takes -c";
  return tools.sha256 ? undefined : "no sha256sum, shasum, sha256 or openssl to verify it by";
}

function failed(where: string, what: string, reason: string): BootstrapError {
  return new BootstrapError(
    "runtime-upload",
    `Cannot upload ${printable(what)} by ${printable(where)}: ${printable(reason)}`,
    { hint: "make room for it there, or install Node 8 or later" },
  );
}

function unusable(where: string, { target }: Machine, file: RuntimeFile, words: string): BootstrapError {
  const needs = file.assumes.length === 0 ? "" : `; beside its libc it needs ${file.assumes.join(", ")}`;
  return new BootstrapError(
    "runtime-upload",
    `Cannot use ${file.name} ${file.version} by ${printable(where)}, a ${describeTarget(target)}: it was uploaded and does not start there: ${printable(words)}${needs}`,
    { hint: "install Node 8 or later there, or name another runtime by --runtime-from" },
  );
}
