/**
 * Chunks, by pako: Node's zlib may give other bytes on another CPU or in another version, and a bundle
 * must not depend on the machine that made it.
 *
 * pako's `legacyHash` finds what zlib of old finds: 11,349 bytes for the tunnel's agent against 11,399.
 * The order of modules matters less than that: depth first 11,399, by name 11,469, by size 11,472 and up.
 */
import { deflateRaw } from "pako";
import { extendDictionary } from "./dictionary.ts";

export interface Chunk {
  readonly chunk: Uint8Array;
  readonly usesDictionary: boolean;
}

/** Deflates the texts of one group, each with the texts before it as dictionary where that saves. */
export function deflateGroup(texts: readonly Uint8Array[]): Chunk[] {
  let before: Uint8Array = new Uint8Array();
  return texts.map((text) => {
    const alone = deflate(text);
    const withDictionary = before.length === 0 ? alone : deflate(text, before);
    before = extendDictionary(before, text);
    const usesDictionary = withDictionary.length < alone.length;
    return { chunk: usesDictionary ? withDictionary : alone, usesDictionary };
  });
}

export function deflate(bytes: Uint8Array, dictionary?: Uint8Array): Uint8Array {
  return deflateRaw(bytes, {
    level: 9,
    legacyHash: true,
    ...(dictionary === undefined ? {} : { dictionary }),
  });
}
