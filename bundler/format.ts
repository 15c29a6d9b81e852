/**
 * What a bundle is, in memory. The bundler makes it, the bootstrap sends it, the archive stores it.
 *
 * Modules stand in the order in which their chunks are inflated. A chunk is raw deflate of the module's
 * compiled text (UTF-8); where `usesDictionary` is set, the preset dictionary is the last 32 KiB of the
 * concatenated texts of the modules before it in the same group.
 */

export interface ModuleImport {
  /** As written in the source, e.g. "./frame.ts" or "left-pad". */
  readonly specifier: string;
  /** The module it leads to; undefined for a builtin such as "net". */
  readonly filename: string | undefined;
  readonly kind: "static" | "dynamic";
}

export interface BundledModule {
  /** Project-relative path of the source with forward slashes, e.g. "agent-src/main.ts". Unique. */
  readonly filename: string;
  /** "" for what the entry needs statically, else the filename of the dynamically imported module. */
  readonly group: string;
  readonly imports: readonly ModuleImport[];
  /** Bytes of the source file. */
  readonly sourceBytes: number;
  /** Bytes of the compiled text before deflate. */
  readonly codeBytes: number;
  readonly usesDictionary: boolean;
  readonly chunk: Uint8Array;
  /** Source map v3 (JSON, without sourcesContent), raw deflated. */
  readonly map: Uint8Array;
  /** Hex sha256 of the compiled text. */
  readonly sha256: string;
}

export interface Bundle {
  /** Hex sha256 over what is executed: the filenames, edges and texts of every module, and the entry. */
  readonly hash: string;
  /** Filename of the module that is run. */
  readonly entry: string;
  readonly modules: readonly BundledModule[];
}
