import type { RuntimeProvider } from "../runtime-provider.ts";
import { RuntimeCache } from "./cache.ts";
import { ownRuntime, runtimeProvider } from "./sources.ts";
import type { RuntimeSources } from "./sources.ts";

/** Runtimes for launch() to upload, from the usual sources (docs/runtime-upload.md): `from`, our own, what was fetched. */
export function runtimesToUpload(options: Omit<RuntimeSources, "own" | "cache"> = {}): RuntimeProvider {
  return runtimeProvider({ ...options, own: ownRuntime(), cache: new RuntimeCache() });
}
