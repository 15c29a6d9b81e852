/** What a file says of itself when it is asked for a runtime: which one, its version, what it needs, its hash. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { withFile } from "./byte-source.ts";
import { ExecutableError } from "./elf.ts";
import { BootstrapError } from "../errors.ts";
import { compareVersions, readExecutable } from "./executable.ts";
import type { Executable } from "./executable.ts";
import { printable } from "../../bundler/printable.ts";
import type { RuntimeFile } from "../runtime-provider.ts";

export interface InspectedRuntime {
  readonly file: RuntimeFile;
  readonly executable: Executable;
}

/**
 * What each runtime has in its text: Node the address of its sources, the others what they call themselves to HTTP
 * servers. Bun and Deno name the Node that they stand in for as well, so Node is asked last. A runtime for another
 * machine cannot be asked for --version.
 */
const MARKS: readonly { readonly name: RuntimeFile["name"]; readonly mark: string }[] = [
  { name: "bun", mark: "Bun/" },
  { name: "deno", mark: "Deno/" },
  { name: "node", mark: "node-v" },
];
/** Behind a mark; no version is longer. */
const VERSION_CHARS = 24;
const LONGEST_MARK = Math.max(...MARKS.map(({ mark }) => mark.length));
const PIECE_BYTES = 1_048_576;

/**
 * Reads the whole file once, a third of a second for Node.
 * @param known of a runtime that can be asked, such as our own: not every distribution leaves the marks in.
 * @throws BootstrapError "runtime-file" if it is no runtime, cannot be read, or is damaged.
 */
export async function inspectRuntime(path: string, known?: NamedRuntime): Promise<InspectedRuntime> {
  try {
    const { executable, bytes } = withFile(path, (source) => ({
      executable: readExecutable(source),
      bytes: source.size,
    }));
    const { sha256, runtime: marked } = await scan(path);
    const runtime = known ?? marked;
    if (runtime === undefined) throw new ExecutableError("it is neither Node nor Bun nor Deno");
    const assumes = executable.libraries;
    return { executable, file: { path, ...runtime, bytes, sha256, assumes } };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BootstrapError(
      "runtime-file",
      `Cannot use "${printable(path)}" as a runtime: ${printable(reason)}`,
      { cause: error },
    );
  }
}

/** Hex sha256 of a file. @throws what the file system says. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of piecesOf(path)) hash.update(piece);
  return hash.digest("hex");
}

export type NamedRuntime = Pick<RuntimeFile, "name" | "version">;

async function scan(
  path: string,
): Promise<{ readonly sha256: string; readonly runtime: NamedRuntime | undefined }> {
  const hash = createHash("sha256");
  const versions = new Map<RuntimeFile["name"], string>();
  let tail = Buffer.alloc(0);
  for await (const piece of piecesOf(path)) {
    hash.update(piece);
    // A mark may lie across two pieces.
    const text = Buffer.concat([tail, piece]);
    for (const { name, mark } of MARKS) {
      for (const version of versionsBehind(text, mark)) {
        const known = versions.get(name);
        if (known === undefined || compareVersions(known, version) < 0) versions.set(name, version);
      }
    }
    tail = Buffer.from(text.subarray(-VERSION_CHARS - LONGEST_MARK));
  }
  const found = MARKS.find(({ name }) => versions.has(name));
  const version = found === undefined ? undefined : versions.get(found.name);
  return {
    sha256: hash.digest("hex"),
    runtime: found === undefined || version === undefined ? undefined : { name: found.name, version },
  };
}

function* versionsBehind(text: Buffer, mark: string): Generator<string> {
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
    const start = at + mark.length;
    const behind = text.toString("latin1", start, start + VERSION_CHARS);
    const version = /^(\d{1,3}\.\d{1,3}\.\d{1,3})(?![\d.])/.exec(behind)?.[1];
    if (version !== undefined) yield version;
  }
}

function piecesOf(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { highWaterMark: PIECE_BYTES });
}
