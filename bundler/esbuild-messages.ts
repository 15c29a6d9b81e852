/**
 * esbuild's messages to ours, once. esbuild gives its errors no codes, so its words decide here and
 * nowhere else; the tests of bundle() have one program for each, and esbuild's version is pinned.
 */
import type { BuildFailure, Message } from "esbuild";
import { BundleError } from "./errors.ts";
import type { BundleErrorCode } from "./errors.ts";

/** Columns of a source line that a code frame shows; minified packages have lines of 100 KB. */
const FRAME_COLUMNS = 100;

interface Kind {
  readonly code: BundleErrorCode;
  readonly pattern: RegExp;
  /** `$1` and so on stand for what the pattern captured, `$@` for the place. */
  readonly message: string;
  readonly hint?: string;
}

const KINDS: readonly Kind[] = [
  {
    code: "bundle-top-level-await",
    pattern: /^Top-level await /,
    message: 'Cannot bundle "$@": await outside of a function, which the oldest runtimes cannot do',
    hint: "put it into an async function and call that",
  },
  {
    code: "bundle-unresolved",
    pattern: /^Could not resolve "(.*)"/,
    message: 'Cannot resolve "$1" from "$@": there is no such file or package',
  },
  {
    code: "bundle-unresolved",
    pattern: /^No matching export in "(.*)" for import "(.*)"/,
    message: 'Cannot import "$2" at "$@": "$1" does not export it',
  },
  {
    code: "bundle-unsupported",
    pattern: /^Big integer literals /,
    message: 'Cannot bundle "$@": BigInt literals are unknown to Node 8, the oldest runtime',
    hint: "use numbers, or BigInt() in code that only newer runtimes reach",
  },
  {
    code: "bundle-unsupported",
    pattern: /^"import\.meta" /,
    message: 'Cannot bundle "$@": of import.meta there are url, filename and dirname on the far side',
    hint: 'name a value for others, as in define: { "import.meta.env": "undefined" }',
  },
];

export function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors);
}

/** The extension for which esbuild has no loader, if that is what a message says. */
export function unknownExtension(message: Message): string | undefined {
  return /^No loader is configured for "(.*)" files/.exec(message.text)?.[1];
}

/**
 * The first of a build's errors, with its place and a code frame. `nameOf` turns esbuild's paths, relative
 * to its working directory, into names.
 */
export function toBundleError(messages: readonly Message[], nameOf: (path: string) => string): BundleError {
  const [first] = messages;
  if (first === undefined) return new BundleError("bundle-syntax", "Cannot compile: no reason given");
  const place = placeOf(first, nameOf);
  const frame = codeFrame(first);
  for (const { code, pattern, message, hint } of KINDS) {
    const match = pattern.exec(first.text);
    if (match === null) continue;
    const text = message.replace(/\$(\d|@)/g, (_, key: string) =>
      key === "@" ? place : (match[Number(key)] ?? ""),
    );
    return new BundleError(code, text + frame, { hint: hint ?? hintOf(first, match[1]) });
  }
  const text = `Cannot compile "${place}": ${uncapitalized(first.text)}${frame}`;
  return new BundleError("bundle-syntax", text, { hint: hintOf(first, undefined) });
}

/** "file:line:column" of a message, line and column from 1. */
function placeOf({ location }: Message, nameOf: (path: string) => string): string {
  if (location === null) return "the program";
  return `${nameOf(location.file)}:${location.line}:${columnOf(location) + 1}`;
}

/** The line of the source with the place underlined, or "" where there is none. */
function codeFrame({ location }: Message): string {
  if (location === null || location.lineText === "") return "";
  const column = columnOf(location);
  const from = Math.max(0, column - (FRAME_COLUMNS >> 1));
  const shown = location.lineText.slice(from, from + FRAME_COLUMNS);
  const number = String(location.line);
  const indent = shown.slice(0, column - from).replace(/[^\t]/g, " ");
  const length = Math.max(
    1,
    Math.min(charactersIn(location, location.length), shown.length - (column - from)),
  );
  return `\n  ${number} | ${shown}\n  ${" ".repeat(number.length)} | ${indent}${"^".repeat(length)}`;
}

type Location = NonNullable<Message["location"]>;

/** esbuild counts bytes of UTF-8; editors and Node count UTF-16 code units. */
function columnOf({ lineText, column }: Location): number {
  return Buffer.from(lineText).subarray(0, column).toString().length;
}

function charactersIn({ lineText, column }: Location, bytes: number): number {
  return Buffer.from(lineText)
    .subarray(column, column + bytes)
    .toString().length;
}

function hintOf(message: Message, specifier: string | undefined): string | undefined {
  const reason = message.notes.find((note) => note.location !== null)?.text;
  if (reason !== undefined) return uncapitalized(reason).replace(/:$/, "");
  if (specifier === undefined) return undefined;
  return /^\.{0,2}\//.test(specifier) ? undefined : `npm install ${packageName(specifier)}`;
}

function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function uncapitalized(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
