/** A page of docs/ a part of which a script writes: between two comments that name it. */
import { readFile, writeFile } from "node:fs/promises";

/** Rows of cells as a Markdown table, the first row its head. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}

/**
 * Puts the text between `<!-- begin NAME -->` and `<!-- end NAME -->` of the file.
 * @throws Error if the file has no such comments.
 */
export async function writePart(file: URL, name: string, text: string): Promise<void> {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const page = await readFile(file, "utf8");
  const [start, stop] = [page.indexOf(begin), page.indexOf(end)];
  if (start < 0 || stop < start)
    throw new Error(`Cannot write "${name}" into ${file.pathname}: no such part`);
  await writeFile(file, `${page.slice(0, start + begin.length)}\n\n${text}\n\n${page.slice(stop)}`);
}
