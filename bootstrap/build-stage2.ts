/** Build step: the texts that are sent, dist/bootstrap/stage2.txt and child-stage.txt, from their sources. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { CHILD_STAGE_FILE, CHILD_STAGE_PARAMETERS, STAGE2_FILE, STAGE2_PARAMETERS } from "./stage2-file.ts";

await buildStage("stage2.ts", STAGE2_PARAMETERS, STAGE2_FILE);
await buildStage("child-stage.ts", CHILD_STAGE_PARAMETERS, CHILD_STAGE_FILE);

async function buildStage(name: string, parameters: Record<string, string>, file: URL): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../../bootstrap/${name}`, import.meta.url))],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node8",
    minify: true,
    define: parameters,
    // Its own frames are of no use to anyone, and its line must be one.
    sourcemap: false,
    legalComments: "none",
  });
  writeFileSync(file, (outputFiles[0]?.text ?? "").trim());
}
