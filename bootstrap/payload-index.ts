/** The part of a payload that says what the rest is; types only, for both ends of it. */
export interface PayloadIndex {
  /** What follows the entry in process.argv. */
  readonly args?: readonly string[];
  /** Set in process.env before anything of the program runs. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Filenames of the modules, in the first payload the entry first; then those of modules that are not in it, but to
   * which imports lead.
   */
  readonly names: readonly string[];
  /** Of each module's text. */
  readonly bytes: readonly number[];
  readonly imports: ImportTables;
}

/**
 * By position of a module in `names`, where its specifiers lead: positions in `names`. "./x" and "../x" are not
 * listed if they are the way to a module's filename as they stand.
 */
export interface ImportTables {
  readonly [module: number]: { readonly [specifier: string]: number };
}
