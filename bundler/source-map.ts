/**
 * The mappings of a source map v3 that has one source and no names, decoded and encoded.
 *
 * Source: ECMA-426, "Mappings structure": groups of a line apart by ";", segments by ",", each segment's
 * fields are base64 VLQ, relative to the field before.
 */

/** One point of a map. Lines and columns count from 0; columns are UTF-16 code units. */
export interface Segment {
  readonly generatedLine: number;
  readonly generatedColumn: number;
  readonly sourceLine: number;
  readonly sourceColumn: number;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Map(Array.from(DIGITS, (digit, value) => [digit, value]));

/** Bits of a base64 digit that carry the number; the sixth says that another digit follows. */
const VLQ_BITS = 5;
const VLQ_CONTINUES = 1 << VLQ_BITS;

/**
 * Segments in the order of the text. Those that lead to no source are left out, names are dropped.
 * @throws RangeError if a character is no base64 digit or a number is cut short.
 */
export function decodeMappings(mappings: string): Segment[] {
  const segments: Segment[] = [];
  let sourceLine = 0;
  let sourceColumn = 0;
  for (const [generatedLine, line] of mappings.split(";").entries()) {
    let generatedColumn = 0;
    for (const text of line.split(",")) {
      if (text === "") continue;
      const [column = 0, source, lineDelta = 0, columnDelta = 0] = decodeVlq(text);
      generatedColumn += column;
      if (source === undefined) continue;
      sourceLine += lineDelta;
      sourceColumn += columnDelta;
      segments.push({ generatedLine, generatedColumn, sourceLine, sourceColumn });
    }
  }
  return segments;
}

/** The inverse of decodeMappings; the segments must stand in the order of the text. */
export function encodeMappings(segments: readonly Segment[]): string {
  let text = "";
  let line = 0;
  let previous: Segment = { generatedLine: 0, generatedColumn: 0, sourceLine: 0, sourceColumn: 0 };
  let generatedColumn = 0;
  let separator = "";
  for (const segment of segments) {
    if (segment.generatedLine > line) {
      text += ";".repeat(segment.generatedLine - line);
      line = segment.generatedLine;
      generatedColumn = 0;
      separator = "";
    }
    text += separator;
    text += encodeVlq(segment.generatedColumn - generatedColumn);
    text += encodeVlq(0);
    text += encodeVlq(segment.sourceLine - previous.sourceLine);
    text += encodeVlq(segment.sourceColumn - previous.sourceColumn);
    generatedColumn = segment.generatedColumn;
    previous = segment;
    separator = ",";
  }
  return text;
}

/** A whole map as JSON, without the source's text: the far side needs positions only. */
export function encodeSourceMap(source: string, segments: readonly Segment[]): string {
  return JSON.stringify({ version: 3, sources: [source], names: [], mappings: encodeMappings(segments) });
}

function decodeVlq(text: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const digit of text) {
    const bits = VALUES.get(digit);
    if (bits === undefined) throw new RangeError(`Cannot read mappings: "${digit}" is no base64 digit`);
    value |= (bits & (VLQ_CONTINUES - 1)) << shift;
    shift += VLQ_BITS;
    if ((bits & VLQ_CONTINUES) !== 0) continue;
    numbers.push((value & 1) === 0 ? value >>> 1 : -(value >>> 1));
    value = 0;
    shift = 0;
  }
  if (shift !== 0) throw new RangeError(`Cannot read mappings: "${text}" ends inside a number`);
  return numbers;
}

function encodeVlq(number: number): string {
  let value = number < 0 ? (-number << 1) | 1 : number << 1;
  let text = "";
  do {
    const bits = value & (VLQ_CONTINUES - 1);
    value >>>= VLQ_BITS;
    text += DIGITS.charAt(value === 0 ? bits : bits | VLQ_CONTINUES);
  } while (value !== 0);
  return text;
}
