/** The far side's text in our messages: bounded, without our own lines, harmless for the terminal. */
import { printable } from "../bundler/printable.ts";

/** A changed host key takes ssh nine lines that matter; a trace, its message and ten frames. */
const MAX_LINES = 12;
const MAX_LINE_CHARS = 400;
const MAX_NOISE_CHARS = 200;

/** The last lines of stderr that are not empty, nor ours, nor a frame of "@" around a warning. */
export function lastWords({ stderr, mark }: { readonly stderr: string; readonly mark: string }): string[] {
  return stderr
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !line.includes(`${mark} `) && !/^@.*@$/.test(line))
    .slice(-MAX_LINES)
    .map((line) => printable(shorten(line, MAX_LINE_CHARS)));
}

/** `, LABEL: line` for one line, several below each other, nothing for none. */
export function quoteWords(label: string, words: readonly string[]): string {
  const [first, ...rest] = words;
  if (first === undefined) return "";
  return rest.length === 0 ? `, ${label}: ${first.trim()}` : `, ${label}:\n  ${words.join("\n  ")}`;
}

/** How the text on stdout began that was not ours. */
export function printedFirst(noise: Uint8Array): string {
  // Four bytes a character at most, and one more character, to know that there is more.
  const text = new TextDecoder().decode(noise.subarray(0, 4 * (MAX_NOISE_CHARS + 1))).trim();
  if (text === "") return "";
  const lines = shorten(text, MAX_NOISE_CHARS).split(/\s*\n\s*/);
  return `, having printed "${printable(lines.join(" / "))}"`;
}

function shorten(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}…`;
}
