/** Words as a POSIX shell splits them, without its expansions: for -e 'ssh -i "my key"'. */
import { UsageError } from "./errors.ts";

/**
 * Splits a command into words. Source: POSIX.1-2017 XCU 2.2 (quoting) and 2.6.5 (field splitting on blanks).
 * @throws UsageError if a quote is left open.
 */
export function splitCommand(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? "";
    if (quote === "'" || (quote === '"' && char !== "\\")) {
      if (char === quote) quote = "";
      else word = (word ?? "") + char;
    } else if (char === "\\" && i + 1 < text.length) {
      const next = text[++i] ?? "";
      // Within double quotes a backslash escapes only these; before anything else it stands for itself.
      word = (word ?? "") + (quote === '"' && !'"\\$`'.includes(next) ? `\\${next}` : next);
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== "")
    throw new UsageError(`Cannot split command ${JSON.stringify(text)}: a ${quote} is left open`);
  if (word !== undefined) words.push(word);
  return words;
}
