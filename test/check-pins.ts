/** `npm run check-pins`: every pinned runtime is fetched anew, and says of itself what the table says of it. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RuntimeCache } from "../bootstrap/runtimes/cache.ts";
import { fetchRuntime } from "../bootstrap/runtimes/fetch.ts";
import { RUNTIME_PINS } from "../bootstrap/runtimes/pins.ts";
import { inspectRuntime } from "../bootstrap/runtimes/runtime-file.ts";

const folder = await mkdtemp(join(tmpdir(), "sshuttle-pins-"));
try {
  const cache = new RuntimeCache(folder);
  for (const pin of RUNTIME_PINS) {
    const { path } = await fetchRuntime(pin, cache);
    const { executable, file } = await inspectRuntime(path);
    const { loader: _, ...demands } = executable;
    const { platform, arch, libc, libcVersion, libraries, name, version, bytes, sha256 } = pin;
    assert.deepEqual(demands, { platform, arch, libc, libcVersion, libraries });
    assert.deepEqual(file, { path, name, version, bytes, sha256, assumes: libraries });
    process.stdout.write(`${pin.target}: ${name} ${version} is as pinned\n`);
    await rm(path);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
