/** Values of ssh_config by their kind: words, flags, choices, numbers, times. */
import { ConfigSyntaxError } from "./config-sections.ts";
import type { ConfigValues } from "./resolve-config.ts";

const FLAGS: Readonly<Record<string, boolean>> = { yes: true, true: true, no: false, false: false };

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Each complaint has keyword and value. */
export class ValueReader {
  private readonly values: ConfigValues;

  constructor(values: ConfigValues) {
    this.values = values;
  }

  words(keyword: string): readonly string[] | undefined {
    return this.values.get(keyword);
  }

  word(keyword: string): string | undefined {
    return this.values.get(keyword)?.[0];
  }

  /** Whether a keyword was met before another one that may be absent. */
  isBefore(keyword: string, other: string): boolean {
    const keywords = [...this.values.keys()];
    const at = keywords.indexOf(other);
    return at < 0 || keywords.indexOf(keyword) < at;
  }

  flag(keyword: string, fallback: boolean): boolean {
    return this.choice(keyword, FLAGS, fallback);
  }

  choice<T>(keyword: string, choices: Readonly<Record<string, T>>, fallback: T): T {
    const word = this.word(keyword)?.toLowerCase();
    if (word === undefined) return fallback;
    const value = Object.hasOwn(choices, word) ? choices[word] : undefined;
    if (value === undefined) {
      throw new ConfigSyntaxError(`${keyword} is "${word}", allowed are ${Object.keys(choices).join(", ")}`);
    }
    return value;
  }

  number(keyword: string, fallback: number, least: number, most: number): number {
    const word = this.word(keyword);
    if (word === undefined) return fallback;
    const value = /^\d{1,7}$/.test(word) ? Number(word) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new ConfigSyntaxError(`${keyword} is "${word}", allowed are ${least} to ${most}`);
  }

  /** Milliseconds. Source: sshd_config(5), TIME FORMATS. */
  duration(keyword: string): number | undefined {
    const word = this.word(keyword)?.toLowerCase();
    if (word === undefined || word === "none") return undefined;
    if (!/^(?:\d{1,7}[smhdw]?)+$/.test(word)) {
      throw new ConfigSyntaxError(`${keyword} is "${word}", which is no time such as 30, 30s or 1m30s`);
    }
    const parts = [...word.matchAll(/(\d+)([smhdw]?)/g)];
    return parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (UNIT_MS[unit] ?? 1000), 0);
  }
}
