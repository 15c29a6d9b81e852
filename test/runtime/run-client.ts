/** A client that runs a program, as a process of its own, which a test may stop or kill. */
import { localTransport } from "../../bootstrap/local.ts";
import { bundle } from "../../bundler/bundle.ts";
import { readRunAgentBundle } from "../../client/agent-bundle.ts";
import { standardError, standardOutput } from "../../client/run/output.ts";
import { startProgram } from "../../client/run/run-program.ts";
import type { ProgramRequest } from "../../client/run/run-program.ts";

export interface ClientSettings extends Pick<ProgramRequest, "args" | "runtime" | "agentOptions"> {
  readonly script: string;
}

const settings = JSON.parse(process.argv[2] ?? "") as ClientSettings;
const program = await startProgram({
  env: {},
  ...settings,
  transport: localTransport(),
  agent: await readRunAgentBundle(),
  program: await bundle(settings.script),
  stdin: process.stdin,
  stdout: standardOutput(),
  stderr: standardError(),
  log: (level, text) => level === 0 && console.error(text),
});
process.exitCode = await program.status;
process.stdin.destroy();
