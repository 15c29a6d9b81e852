/**
 * The runtimes that were fetched, on the near side's disk: `${XDG_CACHE_HOME:-~/.cache}/sshuttle/runtimes`.
 *
 * A file is named for its pin and nothing is recorded beside it: the pin says what its sha256 must be, which is
 * computed anew at every use. Whoever can change the file can so change nothing but its being refused.
 */
import { randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { printable } from "../../bundler/printable.ts";
import { BootstrapError } from "../errors.ts";
import type { RuntimeFile } from "../runtime-provider.ts";
import { RUNTIME_PINS } from "./pins.ts";
import type { RuntimePin } from "./pins.ts";
import { hashFile } from "./runtime-file.ts";

export interface CachedRuntime {
  readonly pin: RuntimePin;
  readonly path: string;
  readonly bytes: number;
}

export interface RemovedFile {
  readonly name: string;
  readonly bytes: number;
}

/** Of what is being written; a process that was killed leaves it behind. */
const TEMPORARY = ".new-";
/** Nobody fetches for so long; what is older was left behind. */
const STALE_MS = 3_600_000;

/**
 * Where the runtimes are kept. Under sudo they are root's own, by the password database and whatever the
 * environment says: root's files in a user's folder would be in that user's way.
 */
export function runtimeCacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const underSudo = process.geteuid?.() === 0 && env["SUDO_UID"] !== undefined;
  const configured = underSudo ? undefined : env["XDG_CACHE_HOME"];
  // A relative path is to be ignored. Source: XDG Base Directory Specification 0.8.
  const usable = configured !== undefined && isAbsolute(configured);
  const base = usable ? configured : join(underSudo ? userInfo().homedir : homedir(), ".cache");
  return join(base, "sshuttle", "runtimes");
}

export class RuntimeCache {
  readonly directory: string;
  private readonly pins: readonly RuntimePin[];

  constructor(directory: string = runtimeCacheDirectory(), pins: readonly RuntimePin[] = RUNTIME_PINS) {
    this.directory = directory;
    this.pins = pins;
  }

  pathOf(pin: RuntimePin): string {
    return join(this.directory, fileName(pin));
  }

  /** What is there by its name and size; its hash is not looked at. */
  async list(): Promise<CachedRuntime[]> {
    const entries = await this.entries();
    return this.pins.flatMap((pin) => {
      const entry = entries.find(({ name }) => name === fileName(pin));
      return entry === undefined ? [] : [{ pin, path: this.pathOf(pin), bytes: entry.bytes }];
    });
  }

  /**
   * The pinned runtime, if it is there, its sha256 compared.
   * @throws BootstrapError "runtime-damaged" if it is not what was fetched; "runtime-cache".
   */
  async find(pin: RuntimePin): Promise<RuntimeFile | undefined> {
    if (!(await this.list()).some((cached) => cached.pin === pin)) return undefined;
    await this.checkPrivate();
    const path = this.pathOf(pin);
    const sha256 = await hashFile(path).catch((cause: unknown) => {
      throw this.failure("read", path, cause);
    });
    const { name, version, bytes, libraries } = pin;
    if (sha256 === pin.sha256) return { path, name, version, bytes, sha256, assumes: libraries };
    throw new BootstrapError(
      "runtime-damaged",
      `Cannot use "${printable(path)}": its sha256 is ${sha256}, that of ${name} ${version} is ${pin.sha256}`,
      { hint: `fetch it anew: sshuttle runtime fetch ${pin.target}` },
    );
  }

  /**
   * A new folder for what is being fetched, gone when `use` has ended.
   * @throws BootstrapError "runtime-cache"; what `use` throws.
   */
  async withWorkFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
    const folder = join(this.directory, `${TEMPORARY}${randomBytes(8).toString("hex")}`);
    try {
      await mkdir(this.directory, { recursive: true, mode: 0o700 });
      await this.checkPrivate();
      await chmod(this.directory, 0o700);
      await mkdir(folder, { mode: 0o700 });
    } catch (error) {
      throw error instanceof BootstrapError ? error : this.failure("write to", this.directory, error);
    }
    try {
      return await use(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /**
   * Puts a file from the work folder into its place, at once or not at all; it is known to match its pin.
   * @throws BootstrapError "runtime-cache".
   */
  async keep(pin: RuntimePin, file: string): Promise<void> {
    try {
      // Its bytes before its name: a name that survives a power failure must not stand for a half of it.
      const handle = await open(file, "r");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
      await chmod(file, 0o700);
      await rename(file, this.pathOf(pin));
    } catch (error) {
      throw this.failure("write", this.pathOf(pin), error);
    }
  }

  /**
   * Removes what no pin names any more, what is not what its pin says, and what was left behind.
   * @param all also what could still be used.
   * @throws BootstrapError "runtime-cache".
   */
  async prune(all: boolean, nowMs: number): Promise<RemovedFile[]> {
    const removed: RemovedFile[] = [];
    for (const { name, bytes, changedMs } of await this.entries()) {
      const pin = this.pins.find((candidate) => fileName(candidate) === name);
      const inWork = name.startsWith(TEMPORARY) && nowMs - changedMs < STALE_MS;
      const good =
        pin !== undefined && (await hashFile(join(this.directory, name)).catch(() => "")) === pin.sha256;
      if (inWork || (good && !all)) continue;
      await rm(join(this.directory, name), { recursive: true, force: true }).catch((cause: unknown) => {
        throw this.failure("remove", join(this.directory, name), cause);
      });
      removed.push({ name, bytes });
    }
    return removed;
  }

  private async entries(): Promise<{ name: string; bytes: number; changedMs: number }[]> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw this.failure("read", this.directory, error);
    });
    const entries = names.map(async (name) => {
      const status = await lstat(join(this.directory, name)).catch(() => undefined);
      // Gone meanwhile, as happens when two prune at once.
      return status === undefined ? [] : [{ name, bytes: status.size, changedMs: status.mtimeMs }];
    });
    return (await Promise.all(entries)).flat();
  }

  /** Others may look into it, but must not have put it there. */
  private async checkPrivate(): Promise<void> {
    const status = await lstat(this.directory).catch((cause: unknown) => {
      throw this.failure("read", this.directory, cause);
    });
    const wrong = !status.isDirectory()
      ? "it is not a directory"
      : status.uid !== process.geteuid?.()
        ? `it belongs to user ${status.uid}`
        : undefined;
    if (wrong !== undefined) {
      throw new BootstrapError("runtime-cache", `Cannot use "${printable(this.directory)}": ${wrong}`, {
        hint: "remove it, or set XDG_CACHE_HOME to a folder of your own",
      });
    }
  }

  private failure(deed: string, path: string, cause: unknown): BootstrapError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new BootstrapError("runtime-cache", `Cannot ${deed} "${printable(path)}": ${printable(reason)}`, {
      cause,
      hint: "XDG_CACHE_HOME may name another place",
    });
  }
}

function fileName({ name, version, target }: RuntimePin): string {
  return `${name}-${version}-${target}`;
}
