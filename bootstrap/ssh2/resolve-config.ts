/**
 * Which values of a configuration hold for one destination. Source: ssh_config(5); readconf.c and ssh.c of
 * OpenSSH 9.2. test/unit/bootstrap/ssh2/resolve-config.test.ts compares it with `ssh -G`.
 *
 * Sections are gone through in order and the first value of a keyword stays, but for keywords that add up. If a
 * "Match final" was met, everything is gone through once more, with the host name found by then.
 */
import { ConfigSyntaxError } from "./config-sections.ts";
import type { ConfigSection, Directive } from "./config-sections.ts";
import { matchesPatternList } from "./patterns.ts";
import { expandPercent } from "./tokens.ts";

export interface ConfigTarget {
  /** As the user wrote it, without user and port. */
  readonly host: string;
  /** From the command line; it wins. */
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly localUser: string;
}

export interface ConfigFile {
  readonly file: string;
  /** Whether it is the system's, or included by it. */
  readonly isSystems: boolean;
  readonly sections: readonly ConfigSection[];
}

/** What a configuration asks of the machine while it is read. */
export interface ConfigSurroundings {
  /** The files that the words of an Include name, in order; of absent ones nothing. */
  include(words: readonly string[], from: ConfigFile): readonly ConfigFile[];
  /** Whether the command of a "Match exec" ends with 0. */
  exec(command: string): boolean;
}

/** Keyword in lower case to its words; of keywords that add up, to the words of all. */
export type ConfigValues = ReadonlyMap<string, readonly string[]>;

export interface ResolvedConfig {
  readonly values: ConfigValues;
  /** Sections that were left out because a criterion is not known here. */
  readonly warnings: readonly string[];
}

/** Those of which every line counts. Source: ssh_config(5). */
const ADDING_UP: ReadonlySet<string> = new Set(["identityfile", "certificatefile"]);

/** As deep as an Include may stand in an included file. Source: READCONF_MAX_DEPTH in readconf.c. */
const MAX_DEPTH = 16;

/** @throws ConfigSyntaxError for an Include that goes too deep or a Match that cannot be read. */
export function resolveConfig(
  files: readonly ConfigFile[],
  target: ConfigTarget,
  surroundings: ConfigSurroundings,
): ResolvedConfig {
  const pass = new Pass(target, surroundings);
  for (const file of files) pass.read(file, 0, true);
  if (pass.finalWanted) {
    pass.startFinal();
    for (const file of files) pass.read(file, 0, true);
  }
  return { values: pass.values, warnings: [...pass.warnings] };
}

class Pass {
  readonly values = new Map<string, string[]>();
  readonly warnings = new Set<string>();
  finalWanted = false;
  private final = false;
  /** What the patterns of Host are compared with. */
  private host: string;
  private readonly target: ConfigTarget;
  private readonly surroundings: ConfigSurroundings;

  constructor(target: ConfigTarget, surroundings: ConfigSurroundings) {
    this.target = target;
    this.surroundings = surroundings;
    this.host = target.host;
    if (target.user !== undefined) this.values.set("user", [target.user]);
    if (target.port !== undefined) this.values.set("port", [String(target.port)]);
  }

  startFinal(): void {
    this.final = true;
    this.host = this.hostname();
    this.values.set("hostname", [this.host]);
  }

  /** `active`: whether the section that includes these holds; without that, none of these does. */
  read(file: ConfigFile, depth: number, active: boolean): void {
    if (depth > MAX_DEPTH) {
      throw new ConfigSyntaxError(`${file.file}: more than ${MAX_DEPTH} files include each other`);
    }
    for (const section of file.sections) {
      const holds = active && this.holds(section);
      for (const directive of section.directives) {
        if (directive.keyword === "include") {
          for (const included of this.surroundings.include(directive.words, file)) {
            this.read(included, depth + 1, holds);
          }
        } else if (holds) this.take(directive);
      }
    }
  }

  private take({ keyword, words }: Directive): void {
    const present = this.values.get(keyword);
    if (present === undefined) this.values.set(keyword, [...words]);
    else if (ADDING_UP.has(keyword)) present.push(...words.filter((word) => !present.includes(word)));
  }

  private hostname(): string {
    return expandPercent(this.values.get("hostname")?.[0] ?? "%h", { h: this.host });
  }

  private holds({ kind, words }: ConfigSection): boolean {
    switch (kind) {
      case "all":
        return true;
      case "host":
        return matchesPatternList(words, this.host);
      case "match":
        return this.matches(words);
    }
  }

  /** Every criterion is read, though one may have failed: a "final" behind it counts as met. */
  private matches(words: readonly string[]): boolean {
    let result = true;
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? "";
      const negated = word.startsWith("!");
      const criterion = (negated ? word.slice(1) : word).toLowerCase();
      const takesValue = !["all", "final", "canonical"].includes(criterion);
      const value = takesValue ? words[++at] : "";
      if (value === undefined) throw new ConfigSyntaxError(`"Match ${words.join(" ")}" lacks a value`);
      // A command must not be run for a section that does not hold anyway.
      if (criterion === "exec" && !result) continue;
      const fits = this.fits(criterion, value);
      result &&= fits !== undefined && fits !== negated;
    }
    return result;
  }

  /** Undefined if the criterion is not known here: then the section does not hold, negated or not. */
  private fits(criterion: string, value: string): boolean | undefined {
    const list = value.split(",");
    switch (criterion) {
      case "all":
        return true;
      case "final":
      case "canonical":
        // Names are made canonical by CanonicalizeHostname alone, which is not to be had here.
        if (criterion === "final") this.finalWanted = true;
        return this.final;
      case "host":
        return matchesPatternList(list, this.hostname());
      case "originalhost":
        return matchesPatternList(list, this.target.host);
      case "user":
        return matchesPatternList(list, this.values.get("user")?.[0] ?? this.target.localUser);
      case "localuser":
        return matchesPatternList(list, this.target.localUser);
      case "exec":
        return this.surroundings.exec(this.expandCommand(value));
      default:
        this.warnings.add(`a section with "Match ${criterion}" is left out: the criterion is not supported`);
        return undefined;
    }
  }

  private expandCommand(command: string): string {
    const port = this.values.get("port")?.[0] ?? "22";
    const user = this.values.get("user")?.[0] ?? this.target.localUser;
    return expandPercent(command, {
      h: this.hostname(),
      n: this.target.host,
      p: port,
      r: user,
      u: this.target.localUser,
    });
  }
}
