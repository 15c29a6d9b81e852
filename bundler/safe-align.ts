/** Line alignment that has been proved to leave the meaning alone. */
import { transform } from "esbuild";
import { alignLines } from "./line-align.ts";
import { applyEdits } from "./mapped-text.ts";
import type { Edit, MappedText } from "./mapped-text.ts";

/**
 * Spots that a module may have taken back before it goes without alignment. Each costs about
 * log2(edits) runs of the minifier; templates with a tag are the one kind known to need it.
 */
const MAX_TAKEN_BACK = 16;

/**
 * Aligns a text to the lines of its source. Both texts must come out of a minifier the same, or else the
 * first edit that makes the difference is taken back, and so on.
 */
export async function alignSafely(plain: MappedText): Promise<MappedText> {
  const meaning = await normalForm(plain.text);
  const forbidden = new Set<number>();
  for (let takenBack = 0; takenBack <= MAX_TAKEN_BACK; takenBack++) {
    const { aligned, edits } = alignLines(plain, forbidden);
    if ((await normalForm(aligned.text)) === meaning) return aligned;
    const bad = await firstBad(plain, edits, meaning);
    forbidden.add(bad.start).add(bad.end);
  }
  return plain;
}

/** The edit that ends the shortest run of edits which changes the meaning, by bisection. */
async function firstBad(
  plain: MappedText,
  edits: readonly Edit[],
  meaning: string | undefined,
): Promise<Edit> {
  let harmless = 0;
  let harmful = edits.length;
  while (harmful - harmless > 1) {
    const middle = (harmless + harmful) >>> 1;
    const { text } = applyEdits(plain, edits.slice(0, middle));
    if ((await normalForm(text)) === meaning) harmless = middle;
    else harmful = middle;
  }
  const bad = edits[harmless];
  if (bad === undefined) throw new Error("Cannot align a text: without edits it differs from itself");
  return bad;
}

/** The text as the minifier prints it, undefined where it is no program. */
async function normalForm(text: string): Promise<string | undefined> {
  try {
    const { code } = await transform(text, { loader: "js", minifyWhitespace: true, logLevel: "silent" });
    return code;
  } catch {
    return undefined;
  }
}
