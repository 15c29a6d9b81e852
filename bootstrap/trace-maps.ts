/**
 * From positions in the compiled texts to those in the sources, on the far side. The function's own text travels
 * with the maps (payload.ts), and not in stage 2, whose bytes stand before ready; hence one function that needs
 * nothing around it, in the dialect of Node 8.
 */

/** "line:column", both from 1 as in traces, for a position counted likewise. */
export type Position = (filename: string, line: number, column: number) => string;

/**
 * @param maps for each filename, four numbers a segment: generated line, generated column, source line, source
 * column, from 0; all but the generated column relative to the segment before. They are made absolute in place.
 * @param next asked for files that have no map here.
 */
export function createPosition(maps: { readonly [filename: string]: number[] }, next: Position): Position {
  const absolute: { [filename: string]: boolean } = Object.create(null);
  return function (filename, line, column) {
    const map = maps[filename];
    if (!map) return next(filename, line, column);
    const at = (index: number): number => map[index] || 0;
    if (!absolute[filename]) {
      for (let i = 4; i < map.length; i++) if (i % 4 !== 1) map[i] = at(i) + at(i - 4);
      absolute[filename] = true;
    }
    // The last segment that begins at or before the position.
    let low = 0;
    let high = map.length / 4;
    while (low < high) {
      const middle = (low + high) >> 1;
      const lines = at(middle * 4) + 1 - line;
      if (lines < 0 || (lines === 0 && at(middle * 4 + 1) < column)) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return line + ":" + column;
    return at(low * 4 - 2) + 1 + ":" + (at(low * 4 - 1) + 1);
  };
}
