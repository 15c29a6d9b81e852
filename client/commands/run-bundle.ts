/** `sshuttle bundle [ENTRY] [--inspect [--json]] [-o FILE]`: what is uploaded, shown or kept. */
import { writeFile } from "node:fs/promises";
import { describeStages } from "../../bootstrap/stage-texts.ts";
import { writeArchive } from "../../bundler/archive.ts";
import type { Bundle } from "../../bundler/format.ts";
import { inspectBundle, formatInspection } from "../../bundler/inspect.ts";
import { readAgentBundle } from "../agent-bundle.ts";
import { readArguments } from "../arguments.ts";
import { ClientError, UsageError } from "../errors.ts";
import { HELP } from "../help.ts";

const SPECIFICATION = {
  inspect: { type: "boolean" },
  json: { type: "boolean" },
  output: { type: "string", short: "o" },
  help: { type: "boolean", short: "h" },
} as const;

/**
 * Prints to stdout what was asked for, which without -o is the inspection.
 * @throws UsageError, BundleError, ClientError "file-write".
 */
export async function runBundle(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(argv, SPECIFICATION);
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const [entry, ...surplus] = positionals;
  if (surplus.length > 0) throw new UsageError(`Cannot bundle "${surplus.join(" ")}": one entry at a time`);
  const bundle = await findBundle(entry);
  if (values.output !== undefined) await writeOutput(values.output, await writeArchive(bundle));
  if (values.inspect === true || values.json === true || values.output === undefined) {
    const inspection = inspectBundle(bundle, describeStages(bundle));
    process.stdout.write(
      values.json === true ? `${JSON.stringify(inspection, undefined, 2)}\n` : formatInspection(inspection),
    );
  }
  return 0;
}

/** esbuild is loaded only where there is something to build. */
async function findBundle(entry: string | undefined): Promise<Bundle> {
  if (entry === undefined) return readAgentBundle();
  const { bundle } = await import("../../bundler/bundle.ts");
  return bundle(entry);
}

async function writeOutput(file: string, bytes: Uint8Array): Promise<void> {
  await writeFile(file, bytes).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClientError("file-write", `Cannot write "${file}": ${reason}`, { cause });
  });
}
