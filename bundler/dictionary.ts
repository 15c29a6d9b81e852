/** How far deflate can look back. Source: RFC 1951, 2. */
const DICTIONARY_BYTES = 32_768;

/** The dictionary for the module after `text`, from the one for `text` (none: no bytes). */
export function extendDictionary(dictionary: Uint8Array, text: Uint8Array): Uint8Array {
  return Buffer.concat([dictionary, text]).subarray(-DICTIONARY_BYTES);
}
