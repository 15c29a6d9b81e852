/** The part of the payload that says what the rest is; types only, for both ends of it. */
export interface PayloadIndex {
  /** Position of the entry in `modules`. */
  readonly entry: number;
  /** What follows the entry in process.argv. */
  readonly args: readonly string[];
  /** Set in process.env before anything of the program runs. */
  readonly env: Readonly<Record<string, string>>;
  readonly modules: readonly PayloadModule[];
}

/**
 * Filename, chunk bytes, kind of chunk, and where specifiers lead: a position in `modules`. "./x" and "../x" are
 * not listed if they are the way to a module's filename as they stand.
 */
export type PayloadModule = readonly [
  filename: string,
  chunkBytes: number,
  dictionary: ChunkDictionary,
  imports: Readonly<Record<string, number>>,
];

/** 0: no dictionary. 1: the texts before it. 2: none, and the texts before it are forgotten: a new group. */
export type ChunkDictionary = 0 | 1 | 2;
