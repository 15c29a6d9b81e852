/** A compiled text with its map, and edits that keep the two together. */
import type { Segment } from "./source-map.ts";

export interface MappedText {
  readonly text: string;
  readonly segments: readonly Segment[];
}

/** Replaces [start, end) of the text. Edits of one list stand in order and do not overlap. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

/** The offset at which each line begins. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** The offset in the text of each segment. */
export function segmentOffsets({ text, segments }: MappedText): number[] {
  const starts = lineStarts(text);
  return segments.map((segment) => (starts[segment.generatedLine] ?? text.length) + segment.generatedColumn);
}

/**
 * Edits the text and moves the segments along. A segment at the place of an insertion goes behind it, one
 * at the start of what is replaced stays at the start, one further inside goes to the end.
 */
export function applyEdits(mapped: MappedText, edits: readonly Edit[]): MappedText {
  const pieces: string[] = [];
  let copied = 0;
  for (const edit of edits) {
    pieces.push(mapped.text.slice(copied, edit.start), edit.replacement);
    copied = edit.end;
  }
  pieces.push(mapped.text.slice(copied));
  const text = pieces.join("");

  const starts = lineStarts(text);
  let line = 0;
  let shift = 0;
  let next = 0;
  const offsets = segmentOffsets(mapped);
  const segments = mapped.segments.map((segment, index) => {
    let offset = offsets[index] ?? 0;
    for (let edit = edits[next]; edit !== undefined && isBehind(offset, edit); edit = edits[++next]) {
      shift += edit.replacement.length - (edit.end - edit.start);
      offset = Math.max(offset, edit.end);
    }
    offset += shift;
    while ((starts[line + 1] ?? Infinity) <= offset) line++;
    return { ...segment, generatedLine: line, generatedColumn: offset - (starts[line] ?? 0) };
  });
  return { text, segments };
}

function isBehind(offset: number, edit: Edit): boolean {
  return edit.end <= offset || edit.start < offset;
}
