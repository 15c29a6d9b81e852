/** `npm run matrix:foreign` writes the table of foreign packages in docs/bundle.md. */
import { join } from "node:path";
import { bundle } from "../../bundler/bundle.ts";
import { FOREIGN_PROGRAMS, foreignName, installForeign } from "../lab/foreign.ts";
import { markdownTable, writePart } from "./markdown-page.ts";

const PAGE = new URL("../../../docs/bundle.md", import.meta.url);

const home = await installForeign();
const rows: string[][] = [];
for (const program of FOREIGN_PROGRAMS) {
  const { modules } = await bundle(join(home, program));
  const packages = new Set(
    modules.flatMap(({ filename }) => {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(filename)?.[1];
      return name === undefined ? [] : [name];
    }),
  );
  const bytes = modules.reduce((sum, { chunk }) => sum + chunk.length, 0);
  const numbers = [packages.size, modules.length, bytes].map((value) => value.toLocaleString("en-US"));
  rows.push([foreignName(program), ...numbers]);
}
await writePart(PAGE, "foreign", markdownTable([["program", "packages", "modules", "bytes"], ...rows]));
