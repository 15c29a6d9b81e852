/**
 * What a bundle is, in memory. The bundler makes it, the bootstrap sends it, the archive stores it.
 *
 * Modules stand in the order in which their chunks are inflated, group by group. A chunk is raw deflate
 * of the module's compiled text (UTF-8); where `usesDictionary` is set, the preset dictionary is the last
 * 32 KiB of the concatenated texts of the modules before it in the same group (see dictionary.ts).
 */

export interface ModuleImport {
  /** As written in the source, e.g. "./frame.ts" or "left-pad"; of "node:net" only "net", for Node 8. */
  readonly specifier: string;
  /**
   * The module it leads to. Undefined for what the far side has to offer itself: a builtin such as "net",
   * "sshuttle:loader", what the options named as external, and an optional dependency that was not there
   * when the bundle was made (a `require` in a `try`): such a one is not found there either.
   */
  readonly filename: string | undefined;
  readonly kind: "static" | "dynamic";
}

export interface BundledModule {
  /** Project-relative path of the source with forward slashes, e.g. "agent-src/main.ts". Unique. */
  readonly filename: string;
  /** "" for what the entry needs statically, else the filename of a module of the group (see groups.ts). */
  readonly group: string;
  /** One for each specifier. */
  readonly imports: readonly ModuleImport[];
  /** Bytes of the source file. */
  readonly sourceBytes: number;
  /** Bytes of the compiled text before deflate. */
  readonly codeBytes: number;
  readonly usesDictionary: boolean;
  readonly chunk: Uint8Array;
  /** Source map v3 (JSON, one source, no sourcesContent), raw deflated. Without mappings for JSON. */
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
