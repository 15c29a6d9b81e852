/** Our own agents, bundled when the project was built: the archives in dist/, beside dist/client/. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { readArchive } from "../bundler/archive.ts";
import type { Bundle } from "../bundler/format.ts";
import { ClientError } from "./errors.ts";

const TUNNEL_AGENT = new URL("../agent.tar", import.meta.url);
const RUN_AGENT = new URL("../run-agent.tar", import.meta.url);
const TERMINAL_AGENT = new URL("../terminal-agent.tar", import.meta.url);

/**
 * Reads and verifies the tunnel's. esbuild is not loaded.
 * @throws ClientError "agent-missing" where the build did not run; BundleError "bundle-damaged".
 */
export async function readAgentBundle(): Promise<Bundle> {
  return readOwn(TUNNEL_AGENT);
}

/** The same of the agent that runs programs. */
export async function readRunAgentBundle(): Promise<Bundle> {
  return readOwn(RUN_AGENT);
}

/** And of the one that runs them on a terminal. */
export async function readTerminalAgentBundle(): Promise<Bundle> {
  return readOwn(TERMINAL_AGENT);
}

async function readOwn(archive: URL): Promise<Bundle> {
  const bytes = await readFile(archive).catch((cause: unknown) => {
    throw new ClientError(
      "agent-missing",
      `Cannot read the agent "${fileURLToPath(archive)}": it is not there`,
      {
        hint: "run: npm run build",
        cause,
      },
    );
  });
  return readArchive(bytes);
}
