/** Random access to the bytes of a file, for readers of headers that lie anywhere in a hundred megabytes. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export interface ByteSource {
  readonly size: number;
  /** That many bytes from there, or fewer where the file ends. */
  read(offset: number, length: number): Uint8Array;
}

/** Bytes that are in memory. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/**
 * Opens the file for as long as `use` takes.
 * @throws what the file system says; what `use` throws.
 */
export function withFile<T>(path: string, use: (source: ByteSource) => T): T {
  const fd = openSync(path, "r");
  try {
    const read = (offset: number, length: number): Uint8Array => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
    };
    return use({ size: fstatSync(fd).size, read });
  } finally {
    closeSync(fd);
  }
}
