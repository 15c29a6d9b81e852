/** Archives by another hand: any members, any header, with a digest that is right for whatever it is. */
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import type { Header } from "tar-stream";
import { END_BYTES, readTar } from "../../../bundler/tar-reader.ts";

export interface Member {
  readonly name: string;
  readonly contents: Uint8Array | string;
  /** Beside what the writer says in every header. */
  readonly header?: Partial<Header>;
}

/** The members of an archive, without the digest at its end. */
export function membersOf(archive: Uint8Array): Member[] {
  return readTar(archive)
    .slice(0, -1)
    .map(({ name, contents }) => ({ name, contents }));
}

/** The archive of these members, whose digest is right. */
export async function archiveOf(members: readonly Member[]): Promise<Buffer> {
  const body = (await tarOf(members)).subarray(0, -END_BYTES);
  const digest = createHash("sha256").update(body).digest("hex");
  return Buffer.concat([body, await tarOf([{ name: "sha256", contents: digest }])]);
}

async function tarOf(members: readonly Member[]): Promise<Buffer> {
  const stream = pack();
  for (const { name, contents, header } of members) {
    const isFile = header?.type === undefined || header.type === "file";
    const body = isFile ? Buffer.from(contents) : undefined;
    stream.entry({ name, mode: 0o644, mtime: new Date(0), ...header }, body ?? Buffer.alloc(0));
  }
  stream.finalize();
  return buffer(stream);
}

/** The archive with a header's field set, its checksum and the digest made right again. */
export function withField(archive: Uint8Array, member: string, at: number, text: string): Buffer {
  const changed = Buffer.from(archive);
  const offset = readTar(archive).find(({ name }) => name === member)?.offset ?? 0;
  changed.write(text, offset + at, "latin1");
  changed.fill(" ", offset + 148, offset + 156);
  const sum = changed.subarray(offset, offset + 512).reduce((total, byte) => total + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, "0")} \0`, offset + 148, "latin1");
  const end = changed.lastIndexOf("sha256\0");
  const digest = createHash("sha256").update(changed.subarray(0, end)).digest("hex");
  changed.write(digest, end + 512, "latin1");
  return changed;
}
