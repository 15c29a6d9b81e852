/**
 * How a compiled ES module says what it exports, in fewer words.
 *
 * esbuild writes 700 bytes of helpers before each module that exports anything, to build a second exports object. The
 * module's own, which nothing of an ES module can mention, takes the same properties in the same order just as well.
 */
import type { Edit } from "./mapped-text.ts";

/** esbuild's helpers as it defines them, one statement each; names are stable, they are its runtime's. */
const HELPER = /var (__\w+)=(?:Object\.[\w.]+|(?:\(\w+(?:,\w+)*\)|\w+)=>(?:[^;"']|"[^"]*")*?);/y;

/** `var name_exports={};__export(name_exports,{…});module.exports=__toCommonJS(name_exports);` */
const EXPORTS = /var ([\w$]+)=\{\};__export\(\1,(\{.*?\})\);module\.exports=__toCommonJS\(\1\);/y;

const SHORT_START =
  '(e=>{Object.defineProperty(exports,"__esModule",{value:true});for(let n in e)Object.defineProperty(exports,n,{get:e[n],enumerable:true})})(';

/**
 * The edits that shorten it, from `start` on; none where it is not what is known, or is used again (`export *`).
 * @param offsets of the tokens that come from the source, in order.
 */
export function exportEdits(text: string, start: number, offsets: readonly number[]): Edit[] {
  const helpers: { readonly name: string; readonly start: number; readonly end: number }[] = [];
  let at = start;
  for (HELPER.lastIndex = at; ; HELPER.lastIndex = at) {
    const match = HELPER.exec(text);
    if (match === null) break;
    at = HELPER.lastIndex;
    helpers.push({ name: match[1] ?? "", start: match.index, end: at });
  }
  EXPORTS.lastIndex = at;
  const match = EXPORTS.exec(text);
  if (match === null) return [];
  const [whole, name = "", getters = ""] = match;
  // The map has the module's beginning here, and nothing of the source within.
  if (offsets.some((offset) => offset > match.index && offset < match.index + whole.length)) return [];
  const rest = text.slice(match.index + whole.length);
  if (rest.includes(name)) return [];
  const kept = helpersUsed(helpers, text, rest);
  return [
    ...helpers
      .filter((helper) => !kept.has(helper.name))
      .map((helper) => ({ start: helper.start, end: helper.end, replacement: "" })),
    { start: match.index, end: match.index + whole.length, replacement: `${SHORT_START}${getters});` },
  ];
}

/** Those that the rest of the text mentions, and those that these need. */
function helpersUsed(
  helpers: readonly { readonly name: string; readonly start: number; readonly end: number }[],
  text: string,
  rest: string,
): Set<string> {
  const used = new Set<string>();
  let seen = rest;
  for (const helper of helpers.toReversed()) {
    if (!seen.includes(helper.name)) continue;
    used.add(helper.name);
    seen += text.slice(helper.start, helper.end);
  }
  return used;
}
