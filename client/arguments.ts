/** Reading of argv that every command shares: strict, with unique abbreviations of long options, and a suggestion. */
import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";
import { UsageError } from "./errors.ts";
import { nearest } from "./nearest.ts";

export type Arguments<T extends NonNullable<ParseArgsConfig["options"]>> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

/**
 * Parses argv by a table of options as util.parseArgs takes it.
 * @throws UsageError for an unknown or ambiguous option, or a value that is missing or too much.
 */
export function readArguments<T extends NonNullable<ParseArgsConfig["options"]>>(
  argv: readonly string[],
  options: T,
): Arguments<T> {
  const args = completeLongNames(argv, Object.keys(options));
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    // Its first sentence names the option; those after it explain parseArgs's own ways, which are not the user's.
    const text = error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error);
    throw new UsageError(`Cannot read the command line: ${text}`, "sshuttle --help lists every option");
  }
}

/**
 * Cuts argv before its first operand: what follows belongs to a program that has options of its own. A "--" that
 * stands before the first operand is left out; any later one is the program's.
 */
export function splitAtOperand(
  argv: readonly string[],
  options: NonNullable<ParseArgsConfig["options"]>,
): { readonly own: readonly string[]; readonly operands: readonly string[] } {
  const longNames = Object.keys(options);
  const args = argv.map((argument) => {
    const [name = "", ...value] = argument.slice(2).split("=");
    const candidates = longNames.includes(name) ? [name] : longNames.filter((long) => long.startsWith(name));
    return argument.startsWith("--") && argument !== "--" && candidates.length === 1
      ? [`--${candidates[0]}`, ...value].join("=")
      : argument;
  });
  const { tokens } = parseArgs({ args, options, allowPositionals: true, strict: false, tokens: true });
  const first = tokens.find(({ kind }) => kind !== "option");
  const index = first?.index ?? argv.length;
  const skipped = first?.kind === "option-terminator" ? 1 : 0;
  return { own: argv.slice(0, index), operands: argv.slice(index + skipped) };
}

/** Replaces a unique beginning of a long option by the whole, as sshuttle's own parser does; refuses what is unknown. */
function completeLongNames(argv: readonly string[], longNames: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.map((argument, index) => {
    if (!argument.startsWith("--") || argument === "--" || (end >= 0 && index > end)) return argument;
    const [name = "", ...value] = argument.slice(2).split("=");
    if (longNames.includes(name)) return argument;
    const candidates = longNames.filter((long) => long.startsWith(name));
    if (candidates.length === 1) return [`--${candidates[0]}`, ...value].join("=");
    if (candidates.length > 1) {
      const meanings = candidates.map((candidate) => `--${candidate}`).join(" or ");
      throw new UsageError(`Cannot read option "--${name}": it may mean ${meanings}`);
    }
    const near = nearest(name, longNames);
    throw new UsageError(
      `Cannot read option "--${name}": there is no such option`,
      near === undefined ? "sshuttle --help lists every option" : `did you mean --${near}?`,
    );
  });
}
