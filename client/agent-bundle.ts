/** The tunnel's own agent, bundled when the project was built: dist/agent.tar, beside dist/client/. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { readArchive } from "../bundler/archive.ts";
import type { Bundle } from "../bundler/format.ts";
import { ClientError } from "./errors.ts";

const AGENT_ARCHIVE = new URL("../agent.tar", import.meta.url);

/**
 * Reads and verifies it. esbuild is not loaded.
 * @throws ClientError "agent-missing" where the build did not run; BundleError "bundle-damaged".
 */
export async function readAgentBundle(): Promise<Bundle> {
  const bytes = await readFile(AGENT_ARCHIVE).catch((cause: unknown) => {
    throw new ClientError(
      "agent-missing",
      `Cannot read the agent "${fileURLToPath(AGENT_ARCHIVE)}": it is not there`,
      {
        hint: "run: npm run build",
        cause,
      },
    );
  });
  return readArchive(bytes);
}
