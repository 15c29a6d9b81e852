/** The package as `npm pack` makes it, unpacked where a reader would have it, and the examples of its docs. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const TSC = join(PROJECT, "node_modules/.bin/tsc");

const execute = promisify(execFile);

export interface Installed {
  /** A project with the package in its node_modules. */
  readonly folder: string;
  /** Paths in the package, sorted. */
  readonly files: readonly string[];
  remove(): Promise<void>;
}

/** Packs what was built, and unpacks it; no network. What it depends on is linked to what is installed here. */
export async function installPackage(): Promise<Installed> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "packed-")));
  const home = join(folder, "node_modules/sshuttle");
  await mkdir(home, { recursive: true });
  const { stdout } = await execute(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--offline", "--pack-destination", folder],
    { cwd: PROJECT },
  );
  const [{ filename, files }]: [{ filename: string; files: { path: string }[] }] = JSON.parse(stdout);
  await execute("tar", ["-xzf", join(folder, filename), "-C", home, "--strip-components=1"]);
  await rm(join(folder, filename));
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
    await readFile(join(home, "package.json"), "utf8"),
  );
  for (const name of [...Object.keys(dependencies), "@types/node"]) {
    const link = join(folder, "node_modules", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(PROJECT, "node_modules", name), link);
  }
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  return {
    folder,
    files: files.map(({ path }) => path).toSorted(),
    remove: () => rm(folder, { recursive: true }),
  };
}

/** A page's blocks of TypeScript by the name that their first line gives, or the page's own. */
export async function examplesOf(page: string): Promise<Map<string, string>> {
  const text = await readFile(join(PROJECT, page), "utf8");
  const unnamed = page.replace(/^.*\/|\.md$/g, "").toLowerCase();
  return new Map(
    [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => [
      /^\/\/ ([\w-]+\.ts)\n/.exec(code)?.[1] ?? `${unnamed}.ts`,
      code,
    ]),
  );
}

/**
 * Checks files of the project's root and puts the JavaScript beside them, for a Node that runs no TypeScript.
 * Declarations of the package are checked as well.
 * @throws Error with the compiler's words.
 */
export async function compileThere(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, text] of files) await writeFile(join(folder, name), text);
  const options = {
    target: "es2023",
    lib: ["es2023"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmitOnError: true,
    skipLibCheck: false,
  };
  const configuration = { compilerOptions: options, files: [...files.keys()] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(configuration));
  await execute(TSC, [], { cwd: folder }).catch((error: unknown) => {
    const words = error instanceof Error && "stdout" in error ? String(error.stdout) : "";
    throw new Error(`Cannot compile the examples:\n${words}`, { cause: error });
  });
}
