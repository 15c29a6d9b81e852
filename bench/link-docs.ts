/** Writes docs/link-bench.md and its charts from the results that are there. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { writePart } from "../test/matrix/markdown-page.ts";
import type { Congestion } from "./link-bed.ts";
import { linkChart } from "./link-chart.ts";
import { congestionText } from "./link-page.ts";
import { gridFile, partFile } from "./link-results.ts";
import type { LinkResults, StoredPart } from "./link-results.ts";
import { judge } from "./link-verdict.ts";
import type { Exceptions } from "./link-verdict.ts";

export interface DocsSettings {
  readonly project: string;
  /** Where results are. */
  readonly directory: string;
  readonly congestion: Congestion;
  /** Names of the parts, in the order of the page. */
  readonly parts: readonly string[];
  readonly exceptions: Exceptions;
}

/** Returns the files that it has written. */
export async function writeDocs(settings: DocsSettings): Promise<string[]> {
  const { project, directory, congestion, exceptions } = settings;
  const page = join(project, "docs/link-bench.md");
  const grid = readJson(gridFile(directory, congestion)) as LinkResults | undefined;
  const parts = settings.parts.flatMap((part) => {
    const stored = readJson(partFile(directory, congestion, part)) as StoredPart | undefined;
    return stored === undefined ? [] : [stored];
  });
  const written = [page];
  if (grid !== undefined) {
    const chart = join(project, `docs/link-grid-${congestion}.svg`);
    writeFileSync(chart, linkChart(judge(grid.measurements, exceptions), congestion));
    written.push(chart);
  }
  await writePart(pathToFileURL(page), congestion, congestionText({ congestion, grid, parts, exceptions }));
  spawnSync(join(project, "node_modules/.bin/oxfmt"), [page], { stdio: "inherit" });
  return written;
}

function readJson(file: string): unknown {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}
