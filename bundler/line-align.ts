/**
 * Puts newlines back into a minified text, so that what stands on line n of the source stands on line n of
 * the text. A stack trace then names the right file and line on every runtime, before any source map has
 * arrived and without support by the runtime.
 *
 * Newlines go where a segment of the map starts, and nowhere else: these are token boundaries that the
 * compiler vouches for. Not every segment can get its line, since the compiler moves code (class fields
 * go into the constructor). As text only runs downwards, the segments to serve are a longest
 * non-decreasing run of source lines; this is the most that any placement of newlines can reach.
 *
 * Whoever calls this has to check that both texts mean the same (see compile.ts), and to name the
 * segments to be left alone if they do not.
 */
import { applyEdits, segmentOffsets } from "./mapped-text.ts";
import type { Edit, MappedText } from "./mapped-text.ts";

/** After these a newline ends the statement or changes the meaning. Source: ECMA-262, 12.10.1. */
const NO_NEWLINE_AFTER = /(?:^|[^\w$])(return|throw|break|continue|yield|async) ?$/;
/** The longest of those words, a space, and the character before. */
const LOOK_BEHIND = "continue".length + 2;
const NO_NEWLINE_BEFORE = ["=>", "++", "--"];

/** A change of one spot, so that it can be taken back when it turns out to change the meaning. */
export interface Alignment {
  readonly aligned: MappedText;
  /** In the order of the text. */
  readonly edits: readonly Edit[];
}

interface Anchor {
  readonly offset: number;
  /** The line where the text at that offset should stand. */
  readonly line: number;
}

/**
 * Aligns a text to its source. `forbidden` holds offsets of the text where nothing may be changed.
 * What changes are newlines before tokens (in place of a space if there is one), and newlines in
 * template literals that would push the rest too far down: these become escapes.
 */
export function alignLines(plain: MappedText, forbidden: ReadonlySet<number> = new Set()): Alignment {
  const edits = planEdits(plain.text, chooseAnchors(plain), forbidden);
  return { aligned: applyEdits(plain, edits), edits };
}

/** Segments of the text that stand on the line of their source. */
export function countExact({ segments }: MappedText): number {
  return segments.filter((segment) => segment.generatedLine === segment.sourceLine).length;
}

export function mayBreakBefore(text: string, offset: number): boolean {
  if (NO_NEWLINE_BEFORE.some((token) => text.startsWith(token, offset))) return false;
  if (text[offset] === "}" || text[offset] === ";") return true;
  return !NO_NEWLINE_AFTER.test(text.slice(Math.max(0, offset - LOOK_BEHIND), offset));
}

/**
 * The anchors to serve, their lines never decreasing. Where no newline may stand between a keyword and
 * what follows (`return` and a call on the next line), the keyword goes down to the line of the latter:
 * traces name calls, never the keyword.
 */
function chooseAnchors(plain: MappedText): Anchor[] {
  const offsets = segmentOffsets(plain);
  const anchors: Anchor[] = [];
  for (const [index, segment] of plain.segments.entries()) {
    const offset = offsets[index] ?? 0;
    const before = anchors.at(-1);
    if (before !== undefined && before.line < segment.sourceLine && !mayBreakBefore(plain.text, offset)) {
      const between = plain.text.slice(before.offset, offset).trim();
      if (/^[a-z]+$/.test(between)) anchors[anchors.length - 1] = { ...before, line: segment.sourceLine };
    }
    anchors.push({ offset, line: segment.sourceLine });
  }
  return longestRun(anchors);
}

/** A longest subsequence with lines that never decrease, by patience sorting. */
function longestRun(anchors: readonly Anchor[]): Anchor[] {
  /** tails[k]: index of the anchor with the smallest line that ends a run of k + 1. */
  const tails: number[] = [];
  const previous: (number | undefined)[] = [];
  const lineOf = (index: number | undefined): number => anchors[index ?? 0]?.line ?? 0;
  for (const [index, anchor] of anchors.entries()) {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lineOf(tails[middle]) <= anchor.line) low = middle + 1;
      else high = middle;
    }
    previous.push(low === 0 ? undefined : tails[low - 1]);
    tails[low] = index;
  }
  const run: Anchor[] = [];
  for (let index = tails.at(-1); index !== undefined; index = previous[index]) {
    const anchor = anchors[index];
    if (anchor !== undefined) run.push(anchor);
  }
  return run.toReversed();
}

function planEdits(text: string, anchors: readonly Anchor[], forbidden: ReadonlySet<number>): Edit[] {
  const edits: Edit[] = [];
  let line = 0;
  let newline = text.indexOf("\n");
  for (const { offset, line: wanted } of anchors) {
    // Every newline of a minified text stands in a template literal. It stays where it fits.
    for (; newline !== -1 && newline < offset; newline = text.indexOf("\n", newline + 1)) {
      if (line < wanted || forbidden.has(newline)) line++;
      else edits.push({ start: newline, end: newline + 1, replacement: "\\n" });
    }
    if (line >= wanted || forbidden.has(offset) || !mayBreakBefore(text, offset)) continue;
    const start = text[offset - 1] === " " ? offset - 1 : offset;
    edits.push({ start, end: offset, replacement: "\n".repeat(wanted - line) });
    line = wanted;
  }
  return edits;
}
