/** The user's ssh configuration, read from its files for one host. */
import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, openSync, readFileSync, readdirSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { BootstrapError } from "../errors.ts";
import { printable } from "../../bundler/printable.ts";
import { ConfigSyntaxError, parseSections } from "./config-sections.ts";
import { hostSettings } from "./host-settings.ts";
import type { HostSettings, LocalFacts } from "./host-settings.ts";
import { matchesPattern } from "./patterns.ts";
import { resolveConfig } from "./resolve-config.ts";
import type { ConfigFile } from "./resolve-config.ts";
import { expandTilde } from "./tokens.ts";

const SYSTEM_FILE = "/etc/ssh/ssh_config";
/** Mode bits that let group and others write: whoever can, could name a ProxyCommand. */
const OTHERS_WRITE = 0o022;

export interface HostRequest {
  readonly host: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

/** How a file that is absent or open to others is taken. */
interface ReadRule {
  readonly needed: boolean;
  readonly guarded: boolean;
  readonly isSystems: boolean;
}

/** Settings by host, from files that are read once. */
export class SshConfiguration {
  private readonly facts: LocalFacts;
  private readonly files: readonly ConfigFile[];
  private readonly named: boolean;

  /**
   * `file` takes the place of the user's and the system's, as `ssh -F` has it; "none" stands for no file at all.
   * @throws BootstrapError "ssh-failed" if a file cannot be read as one.
   */
  constructor(file: string | undefined, facts: LocalFacts = localFacts()) {
    this.facts = facts;
    this.named = file !== undefined;
    this.files = explained("", () => {
      if (file?.toLowerCase() === "none") return [];
      if (file !== undefined) return readFile(file, { needed: true, guarded: false, isSystems: false });
      return [
        ...readFile(join(facts.home, ".ssh/config"), { needed: false, guarded: true, isSystems: false }),
        ...readFile(SYSTEM_FILE, { needed: false, guarded: false, isSystems: true }),
      ];
    });
  }

  /** @throws BootstrapError "ssh-failed" with keyword and value. */
  settingsFor({ host, user, port }: HostRequest): HostSettings {
    return explained(` of ${printable(host)}`, () => {
      const { values, warnings } = resolveConfig(
        this.files,
        { host, user, port, localUser: this.facts.user },
        {
          include: (words, from) => this.include(words, from),
          exec: (command) => spawnSync(command, { shell: true, stdio: "ignore" }).status === 0,
        },
      );
      const settings = hostSettings(host, values, this.facts);
      return { ...settings, warnings: [...warnings, ...settings.warnings] };
    });
  }

  /** Relative names are below ~/.ssh, or below the folder of the system's file. */
  private include(words: readonly string[], { isSystems }: ConfigFile): ConfigFile[] {
    const base = isSystems ? dirname(SYSTEM_FILE) : join(this.facts.home, ".ssh");
    const rule = { needed: false, guarded: !isSystems && !this.named, isSystems };
    return words
      .map((word) => expandTilde(word, this.facts.home))
      .flatMap((path) => expandGlob(isAbsolute(path) ? path : join(base, path)))
      .flatMap((path) => readFile(path, rule));
  }
}

export function localFacts(): LocalFacts {
  const { username, uid } = userInfo();
  return { home: homedir(), user: username, uid, hostname: hostname(), environment: process.env };
}

/** Whatever is wrong with the configuration, as one error of ours. */
function explained<T>(whose: string, use: () => T): T {
  try {
    return use();
  } catch (cause) {
    if (!(cause instanceof ConfigSyntaxError)) throw cause;
    throw new BootstrapError(
      "ssh-failed",
      `Cannot use the ssh configuration${whose}: ${printable(cause.message)}`,
      {
        cause,
        hint: "correct the file, or name another one (--ssh-config)",
      },
    );
  }
}

function readFile(file: string, { needed, guarded, isSystems }: ReadRule): ConfigFile[] {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    if (!needed) return [];
    throw new ConfigSyntaxError(error instanceof Error ? error.message : file);
  }
  try {
    const { uid, mode } = fstatSync(descriptor);
    const isOurs = uid === 0 || uid === process.getuid?.();
    if (guarded && process.getuid !== undefined && (!isOurs || (mode & OTHERS_WRITE) !== 0)) {
      throw new ConfigSyntaxError(`${file}: others may write to it, or own it`);
    }
    return [{ file, isSystems, sections: parseSections({ file, text: readFileSync(descriptor, "utf8") }) }];
  } catch (error) {
    if (error instanceof ConfigSyntaxError) throw error;
    throw new ConfigSyntaxError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    closeSync(descriptor);
  }
}

/** Paths that fit a pattern, in alphabetical order; "*" and "?" stand for no slash, nor for a leading dot. */
function expandGlob(pattern: string): string[] {
  let found = [""];
  for (const part of pattern.split("/").slice(1)) {
    found = found.flatMap((folder) =>
      /[*?]/.test(part)
        ? namesIn(`${folder}/`)
            .filter((name) => matchesPattern(part, name) && (part.startsWith(".") || !name.startsWith(".")))
            .map((name) => `${folder}/${name}`)
        : [`${folder}/${part}`],
    );
  }
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
