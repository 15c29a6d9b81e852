/** A package with an executable of a few bytes, its pin, and a registry on loopback that serves it to a real npm. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import type { Header } from "tar-stream";
import type { RuntimePin } from "../../../../bootstrap/runtimes/pins.ts";
import { linuxProgram } from "./elf-writer.ts";

export const EXECUTABLE: Buffer = linuxProgram({ text: "node-v20.1.0.tar.gz" });

export type Entry = readonly [header: Partial<Header> & { readonly name: string }, content: Uint8Array];

export const ENTRIES: readonly Entry[] = [
  [
    { name: "package/package.json" },
    Buffer.from(JSON.stringify({ name: "runtime-for-tests", version: "20.1.0" })),
  ],
  [{ name: "package/bin/node", mode: 0o755 }, EXECUTABLE],
];

export async function tarball(entries: readonly Entry[] = ENTRIES): Promise<Buffer> {
  const archive = pack();
  for (const [header, content] of entries) {
    archive.entry({ ...header, mtime: new Date(0) }, header.type === undefined ? Buffer.from(content) : "");
  }
  archive.finalize();
  return gzipSync(await buffer(archive));
}

export function pinOf(tgz: Uint8Array, over: Partial<RuntimePin> = {}): RuntimePin {
  return {
    target: "linux-x64-glibc2.17",
    platform: "linux",
    arch: "x64",
    libc: "glibc",
    libcVersion: "2.17",
    name: "node",
    version: "20.1.0",
    package: "runtime-for-tests",
    integrity: integrityOf(tgz),
    path: "package/bin/node",
    bytes: EXECUTABLE.length,
    sha256: createHash("sha256").update(EXECUTABLE).digest("hex"),
    libraries: [],
    ...over,
  };
}

export function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}

/** A folder that is gone after the test. */
export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sshuttle-test-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The environment of an npm that knows this registry only: the package as it is here, its integrity included. */
export async function registryWith(tgz: Uint8Array, context: TestContext): Promise<NodeJS.ProcessEnv> {
  const server = createServer((request, response) => {
    const origin = `http://${request.headers.host}`;
    if (request.url === "/runtime-for-tests") {
      const dist = { tarball: `${origin}/tarball.tgz`, integrity: integrityOf(tgz) };
      const versions = { "20.1.0": { name: "runtime-for-tests", version: "20.1.0", dist } };
      response.end(
        JSON.stringify({ name: "runtime-for-tests", "dist-tags": { latest: "20.1.0" }, versions }),
      );
    } else if (request.url === "/tarball.tgz") response.end(tgz);
    else response.writeHead(404).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return npmEnvironment(port, context);
}

/** One whose registry is at that port of this machine, without retries and with a cache of its own. */
export function npmEnvironment(port: number, context: TestContext): NodeJS.ProcessEnv {
  return {
    ...process.env,
    npm_config_registry: `http://127.0.0.1:${port}/`,
    npm_config_fetch_retries: "0",
    npm_config_cache: temporaryFolder(context),
  };
}
