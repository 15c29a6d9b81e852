/** The same memory as a Buffer: the streams of Node 8 take no other Uint8Array, and later ones wrap it alike. */
export function asBuffer(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes;
  const { buffer, byteOffset, length } = bytes;
  // Shared memory, which nothing here is, would have to be copied.
  return buffer instanceof ArrayBuffer
    ? Buffer.from(buffer, byteOffset, length)
    : Buffer.from(Array.from(bytes));
}
