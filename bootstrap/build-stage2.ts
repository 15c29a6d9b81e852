/** Build step: dist/bootstrap/stage2.txt, the text that is sent, from stage2.ts. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { STAGE2_FILE, STAGE2_PARAMETERS } from "./stage2-file.ts";

const source = fileURLToPath(new URL("../../bootstrap/stage2.ts", import.meta.url));
const { outputFiles } = await build({
  entryPoints: [source],
  bundle: true,
  write: false,
  platform: "node",
  format: "cjs",
  target: "node8",
  minify: true,
  define: STAGE2_PARAMETERS,
  // Its own frames are of no use to anyone, and its line must be one.
  sourcemap: false,
  legalComments: "none",
});
writeFileSync(STAGE2_FILE, (outputFiles[0]?.text ?? "").trim());
