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
}
