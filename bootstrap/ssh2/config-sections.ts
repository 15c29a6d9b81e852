/**
 * ssh_config as a list of sections: what the parser made of the text, plus what it lets pass and ssh does not.
 *
 * The parser knows lines, quotes and comments. Which section holds for a host, and which of several values, is
 * decided in resolve-config.ts: the parser's own answer knows neither Include nor a negated Match, and runs
 * commands on its way.
 */
import { parse } from "ssh-config";
import type { Line } from "ssh-config";

export interface Directive {
  /** In lower case. */
  readonly keyword: string;
  /** At least one, without quotes. */
  readonly words: readonly string[];
}

/** Directives that hold under one condition. */
export interface ConfigSection {
  /** "host" with patterns, "match" with criteria, "all" for what stands before the first of either. */
  readonly kind: "all" | "host" | "match";
  readonly words: readonly string[];
  readonly directives: readonly Directive[];
}

export interface ConfigText {
  readonly file: string;
  readonly text: string;
}

/** Keywords whose value is one word or line; a blank in the value of others parts it into words. */
const WHOLE_LINE: ReadonlySet<string> = new Set([
  "proxycommand",
  "knownhostscommand",
  "remotecommand",
  "localcommand",
]);

/** A fault of the text. The caller names the file and makes it an error of ours. */
export class ConfigSyntaxError extends Error {}

/** @throws ConfigSyntaxError naming the file and, where it is known, the line. */
export function parseSections({ file, text }: ConfigText): ConfigSection[] {
  checkValues(file, text);
  let lines: readonly Line[];
  try {
    lines = parse(text);
  } catch (error) {
    throw new ConfigSyntaxError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const sections: ConfigSection[] = [{ kind: "all", words: [], directives: [] }];
  const directives: Directive[] = [];
  for (const line of lines) {
    if ("config" in line) {
      const kind = line.param.toLowerCase() === "match" ? "match" : "host";
      sections.push({ kind, words: wordsOf(line), directives: line.config.flatMap(directiveOf) });
    } else directives.push(...directiveOf(line));
  }
  return [{ kind: "all", words: [], directives }, ...sections.slice(1)];
}

/** The parser would take the next line for the value of a keyword that stands alone. */
function checkValues(file: string, text: string): void {
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const alone = /^\s*([^\s#=]+)\s*=?\s*$/.exec(line)?.[1];
    if (alone !== undefined) {
      throw new ConfigSyntaxError(`${file} line ${index + 1}: ${alone} has no value`);
    }
  }
}

function directiveOf(line: Line): Directive[] {
  return "param" in line && line.param !== ""
    ? [{ keyword: line.param.toLowerCase(), words: wordsOf(line) }]
    : [];
}

function wordsOf(line: Extract<Line, { param: string }>): string[] {
  if (typeof line.value === "string") return [line.value];
  if (!WHOLE_LINE.has(line.param.toLowerCase())) return line.value.map(({ val }) => val);
  const parts = line.value.map(
    ({ val, separator, quoted }) => separator + (quoted === true ? `"${val}"` : val),
  );
  return [parts.join("").trim()];
}
