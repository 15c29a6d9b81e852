/** `sshuttle bundle [ENTRY] [--inspect [--json | --html FILE]] [-o FILE]`: what is uploaded, shown or kept. */
import { writeFile } from "node:fs/promises";
import { describeStages } from "../../bootstrap/stage-texts.ts";
import { writeArchive } from "../../bundler/archive.ts";
import { inspectBundle, formatInspection } from "../../bundler/inspect.ts";
import { readAgentBundle } from "../agent-bundle.ts";
import { readArguments } from "../arguments.ts";
import { ClientError, UsageError } from "../errors.ts";
import { HELP } from "../help.ts";
import { readProgram } from "../read-program.ts";

const SPECIFICATION = {
  inspect: { type: "boolean" },
  json: { type: "boolean" },
  html: { type: "string" },
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
  const bundle = await (entry === undefined ? readAgentBundle() : readProgram(entry));
  if (values.output !== undefined) await writeOutput(values.output, await writeArchive(bundle));
  const inspection = inspectBundle(bundle, describeStages(bundle));
  if (values.html !== undefined) {
    const { formatInspectionPage } = await import("../../bundler/inspection-page.ts");
    await writeOutput(values.html, formatInspectionPage(inspection));
  }
  if (values.json === true) process.stdout.write(`${JSON.stringify(inspection, undefined, 2)}\n`);
  // Asked for, or nothing else was; with --html it is on the page.
  else if (values.html === undefined && (values.inspect === true || values.output === undefined)) {
    process.stdout.write(formatInspection(inspection));
  }
  return 0;
}

async function writeOutput(file: string, contents: Uint8Array | string): Promise<void> {
  await writeFile(file, contents).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClientError("file-write", `Cannot write "${file}": ${reason}`, { cause });
  });
}
