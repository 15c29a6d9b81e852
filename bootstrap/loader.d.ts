/**
 * What stage 2 offers to the modules it loads, as a built-in module. It exists on the far side only.
 */
declare module "sshuttle:loader" {
  /**
   * Takes the source maps of modules already loaded, in the encoding that launch() hands out as
   * `mapsPayload`; traces formatted from then on have exact columns.
   * @throws Error if the bytes are not such a payload.
   */
  export function addMaps(payload: Uint8Array): void;

  /**
   * Says how modules come that were not sent: `fetch` gets the project-relative filename that an import() leads to, and
   * resolves with what LateModules.payloadFor() of the near side made for it. It is asked once for a module, however
   * many wait for it; after a failure, which is the import()'s, it is asked again by the next.
   */
  export function fetchBy(fetch: (filename: string) => Promise<Uint8Array>): void;

  /** Resolves when the module is there. The bundler puts it before an import() that leads to another group. */
  export function arrive(filename: string): Promise<unknown>;
}
