import assert from "node:assert/strict";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { errnoName, systemCalls } from "../../../client/ffi.ts";
import { descriptorOf, originalDestination } from "../../../client/original-destination.ts";
import { parseSocketAddress } from "../../../client/socket-address.ts";
import { encodeUnixDiagRequest } from "../../../client/unix-peers.ts";

const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SOCK_STREAM = 1;
const AF_INET = 2;

test("a failed call returns minus its own errno, also right after a successful one", () => {
  const calls = systemCalls();
  const fd = calls.socket(AF_INET, SOCK_STREAM, 0);
  const value = new Uint8Array(4);
  assert.ok(fd >= 0);
  assert.equal(errnoName(calls.getsockopt(-1, SOL_SOCKET, SO_TYPE, value)), "EBADF");
  assert.equal(calls.getsockopt(fd, SOL_SOCKET, SO_TYPE, value), 4);
  assert.equal(value[0], SOCK_STREAM);
  assert.equal(errnoName(calls.getsockopt(fd, SOL_SOCKET, 9999, value)), "ENOPROTOOPT");
  assert.equal(errnoName(calls.receive(fd, value, 0)), "ENOTCONN");
  assert.equal(calls.close(fd), 0);
  assert.equal(errnoName(calls.close(fd)), "EBADF");
});

test("without koffi the error names the package and the way without it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sshuttle-ffi-"));
  try {
    const dist = resolve(import.meta.dirname, "../../..");
    for (const part of ["client", "bundler"])
      cpSync(join(dist, part), join(directory, part), { recursive: true });
    writeFileSync(join(directory, "package.json"), '{"type":"module"}');
    const loaded: unknown = await import(pathToFileURL(join(directory, "client/ffi.js")).href);
    assert.ok(typeof loaded === "object" && loaded !== null && "systemCalls" in loaded);
    const { systemCalls: bare } = loaded;
    assert.ok(typeof bare === "function");
    assert.throws(
      () => bare(),
      (error: { code?: string; exitCode?: number; hint?: string }) => {
        assert.equal(error.code, "firewall-ffi-missing");
        assert.equal(error.exitCode, 69);
        assert.match(error.hint ?? "", /koffi.*--method socks/);
        return true;
      },
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("parseSocketAddress() reads sockaddr_in and sockaddr_in6", () => {
  assert.deepEqual(
    parseSocketAddress(4, Uint8Array.of(2, 0, 0x01, 0xbb, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0)),
    {
      family: 4,
      address: "192.0.2.1",
      port: 443,
    },
  );
  const v6 = new Uint8Array(28);
  v6.set([10, 0, 0, 22, 0, 0, 0, 0, 0x20, 0x01, 0x0d, 0xb8]);
  v6[23] = 9;
  assert.deepEqual(parseSocketAddress(6, v6), { family: 6, address: "2001:db8::9", port: 22 });
});

for (const [host, dial, family] of [
  ["127.0.0.1", "127.0.0.1", 4],
  ["0.0.0.0", "127.0.0.1", 4],
  ["::", "::1", 6],
] as const) {
  test(`originalDestination() is undefined if ${dial} dials the listener on ${host} itself`, async () => {
    const server: Server = createServer().listen(0, host);
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const client = connect(address.port, dial);
    const [socket] = await once(server, "connection");
    const fd = descriptorOf(socket);
    assert.ok(fd !== undefined);
    assert.equal(originalDestination(fd, family), undefined);
    client.destroy();
    socket.destroy();
    assert.equal(descriptorOf(socket), undefined);
    server.close();
  });
}

test("encodeUnixDiagRequest() asks for the peers of every unix socket", () => {
  const view = new DataView(encodeUnixDiagRequest().buffer);
  assert.equal(view.byteLength, 24);
  assert.equal(view.getUint8(0), 1);
});
