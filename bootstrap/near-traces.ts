/**
 * Traces that the far side wrote before its maps had come. It marks a column of a compiled text by "~", and whoever
 * has the bundle has the maps: what is thrown in the first tick is as exact as what is thrown later.
 */
import type { Bundle } from "../bundler/format.ts";
import { differences } from "./payload.ts";
import { createPosition } from "./trace-maps.ts";
import type { Position } from "./trace-maps.ts";

/** "agent-src/main.ts:12:~34", behind what cannot be in a name of the bundle's. */
const UNMAPPED = /([^\s(]+):(\d+):~(\d+)/g;

/** For each line of the far side's stderr: the same, with the sources' columns. What is of no module stays as it is. */
export function traceTranslator(bundle: Bundle): (line: string) => string {
  const positions = new Map<string, Position>();
  const positionIn = (filename: string): Position | undefined => {
    const known = positions.get(filename);
    if (known !== undefined) return known;
    const module = bundle.modules.find((one) => one.filename === filename);
    if (module === undefined) return undefined;
    const unmapped: Position = (_filename, line, column) => `${line}:~${column}`;
    const position = createPosition({ [filename]: differences(module) }, unmapped);
    positions.set(filename, position);
    return position;
  };
  return (text) =>
    text.replace(UNMAPPED, (frame, filename: string, line: string, column: string) => {
      const source = positionIn(filename)?.(filename, Number(line), Number(column));
      return source === undefined ? frame : `${filename}:${source}`;
    });
}
