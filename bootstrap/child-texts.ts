/**
 * A bundle for an agent that starts it as a child process of its own runtime, see child-stage.ts. Descriptor 3 of the child
 * is a byte stream both ways; everything that comes before the program comes from there:
 *
 *   0: n     child-stage.ts, as the build made it     n stands in the text for -e
 *   n: m     stage 2, in zlib's format                m stands in the child stage
 *   n+m: …   the payload (payload.ts)
 *
 * and stage 2's ready line is written there.
 */
import { readFileSync } from "node:fs";
import type { Bundle } from "../bundler/format.ts";
import { encodeStages } from "./stage-texts.ts";
import type { StageOptions } from "./stage-texts.ts";
import { CHILD_STAGE_FILE, CHILD_STAGE_PARAMETERS } from "./stage2-file.ts";

export interface ChildTexts {
  /** For the runtime's -e, or what it has in its place. */
  readonly text: string;
  /** For descriptor 3, which must stay open until the program has ended. */
  readonly feed: Uint8Array;
}

export interface ChildOptions extends Omit<StageOptions, "runtime"> {
  /** Where the program starts; absent: in the home folder. */
  readonly directory?: string | undefined;
}

export function encodeChild(bundle: Bundle, options: ChildOptions): ChildTexts {
  const { stage2, payload } = encodeStages(bundle, options);
  const { STAGE2_BYTES, DIRECTORY } = CHILD_STAGE_PARAMETERS;
  const values = `${stage2.length},${JSON.stringify(options.directory ?? "")}`;
  const body = readFileSync(CHILD_STAGE_FILE, "utf8");
  const stage = Buffer.from(`(function(${STAGE2_BYTES},${DIRECTORY}){${body}\n})(${values})`);
  return { text: readerText(stage.length), feed: Buffer.concat([stage, stage2, payload]) };
}

/** Reads the child stage and evaluates it where `require` is known; Bun and Deno take the text for CommonJS by it. */
function readerText(stageBytes: number): string {
  return (
    `(function(){var f=require("fs"),b=Buffer.alloc(${stageBytes}),o=0,n;` +
    "while(o<b.length&&(n=f.readSync(3,b,o,b.length-o,null)))o+=n;" +
    'if(o===b.length)eval(b+"");else process.exitCode=98})()'
  );
}
