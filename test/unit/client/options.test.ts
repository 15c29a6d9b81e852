import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../../client/errors.ts";
import { parseListen } from "../../../client/listen-address.ts";
import { parseTunnelOptions } from "../../../client/options.ts";
import type { TunnelOptions } from "../../../client/options.ts";
import { parseRemote } from "../../../client/remote.ts";
import { splitCommand } from "../../../client/shell-words.ts";

function parsed(...argv: string[]): TunnelOptions {
  const options = parseTunnelOptions(argv);
  assert.ok(typeof options === "object");
  return options;
}

function refused(argv: string[], message: RegExp, hint?: RegExp): void {
  assert.throws(
    () => parseTunnelOptions(argv),
    (error) =>
      error instanceof UsageError &&
      message.test(error.message) &&
      (hint === undefined || hint.test(error.hint ?? "")),
    argv.join(" "),
  );
}

test("the usual command line means what sshuttle's users mean", () => {
  const options = parsed(
    "-vvr",
    "me@host:2222",
    "10/8",
    "-x",
    "10.9.0.0/16",
    "--exclude=10.8.0.0/16",
    "-l",
    "0.0.0.0",
  );
  assert.deepEqual(options.remote, { destination: "me@host", port: 2222 });
  assert.equal(options.verbosity, 2);
  assert.equal(options.method, "auto");
  assert.deepEqual(options.includes, [{ family: 4, address: "10.0.0.0", prefix: 8 }]);
  assert.deepEqual(
    options.excludes.map((subnet) => ("address" in subnet ? subnet.address : subnet.host)),
    ["10.9.0.0", "10.8.0.0"],
  );
  assert.deepEqual(options.listen, [{ family: 4, address: "0.0.0.0", port: 0 }]);
  assert.deepEqual(options.sshCommand, ["ssh"]);
});

test("-r may be absent, empty or a dash: the agent then runs here", () => {
  for (const argv of [["10/8"], ["-r", "-", "10/8"], ["-r", "", "10/8"]]) {
    assert.equal(parsed(...argv).remote, undefined);
  }
});

test("a long option may be cut short while it stays unique", () => {
  assert.equal(parsed("--meth", "nft", "10/8").method, "nft");
  assert.deepEqual(parsed("--rem=host", "10/8").remote, { destination: "host" });
  refused(["--ver", "10/8"], /may mean --verbose or --version/);
});

test("an unknown option names the nearest one", () => {
  refused(["--exlude", "10/8"], /"--exlude": there is no such option/, /did you mean --exclude\?/);
  refused(["--frobnicate", "10/8"], /there is no such option/, /--help/);
  refused(["-Q", "10/8"], /Cannot read the command line/);
});

test("a subnet is needed, unless SOCKS is asked for; both may stand together", () => {
  refused([], /no subnet to capture/);
  refused(["-r", "host"], /no subnet to capture/);
  assert.equal(parsed("-r", "host", "--socks", "1080").method, "socks");
  assert.deepEqual(parsed("--method", "socks").socks, [
    { family: 4, address: "127.0.0.1", port: 1080 },
    { family: 6, address: "::1", port: 1080 },
  ]);
  assert.equal(parsed("10/8", "--socks", "0.0.0.0:1080").method, "auto");
  refused(["--method", "socks", "10/8"], /Cannot capture subnets with method socks/);
  refused(["--method", "pf", "10/8"], /no such method, allowed are auto, nft, nat, socks/);
});

test("--help and --version win over everything else", () => {
  assert.equal(parseTunnelOptions(["-h"]), "help");
  assert.equal(parseTunnelOptions(["-V"]), "version");
  assert.equal(parseTunnelOptions(["-r", "host", "--version"]), "version");
});

test("parseRemote() reads user, host and port as ssh users write them", () => {
  const valid: readonly [string, object][] = [
    ["host", { destination: "host" }],
    ["me@host", { destination: "me@host" }],
    ["me@corp@host:22", { destination: "me@corp@host", port: 22 }],
    ["[::1]:2222", { destination: "::1", port: 2222 }],
    ["me@[2001:db8::1]", { destination: "me@2001:db8::1" }],
    ["2001:db8::1", { destination: "2001:db8::1" }],
    ["ssh://me@host:22/", { destination: "me@host", port: 22 }],
  ];
  for (const [text, remote] of valid) assert.deepEqual(parseRemote(text), remote, text);
});

test("parseRemote() refuses option-like hosts, bad ports and passwords, and does not repeat the password", () => {
  for (const text of [
    "-oProxyCommand=x",
    "me@-x",
    "@host",
    "me@",
    "host:0",
    "host:99999",
    "host:x",
    "a b",
    "[host]",
  ]) {
    assert.throws(() => parseRemote(text), UsageError, text);
  }
  assert.throws(
    () => parseRemote("me:secret@host"),
    (error) => error instanceof UsageError && !error.message.includes("secret"),
  );
});

test("parseListen() gives a bare port to every address for -l and to loopback for --socks", () => {
  assert.deepEqual(parseListen("--listen", "12300", "any"), [
    { family: 4, address: "0.0.0.0", port: 12_300 },
  ]);
  assert.deepEqual(
    parseListen("--socks", "1080", "loopback").map((a) => a.address),
    ["127.0.0.1", "::1"],
  );
  assert.deepEqual(parseListen("--listen", "0.0.0.0:1,[::]:2", "any"), [
    { family: 4, address: "0.0.0.0", port: 1 },
    { family: 6, address: "::", port: 2 },
  ]);
  assert.deepEqual(parseListen("--listen", "::1", "any"), [{ family: 6, address: "::1", port: 0 }]);
  for (const text of ["1.2.3.4:70000", "name:80", "1.1.1.1,2.2.2.2", "[::1", ""]) {
    assert.throws(() => parseListen("--listen", text, "any"), UsageError, text);
  }
});

test("splitCommand() splits words as a POSIX shell does", () => {
  assert.deepEqual(splitCommand(`ssh -i "my key" -o 'A B'  x\\ y "a\\"b\\c" ''`), [
    "ssh",
    "-i",
    "my key",
    "-o",
    "A B",
    "x y",
    'a"b\\c',
    "",
  ]);
  assert.throws(() => splitCommand(`ssh "x`), UsageError);
});

test("--runtime is one line of shell words", () => {
  assert.equal(
    parsed("-r", "h", "--runtime", "/opt/node/bin/node --jitless", "10/8").runtime,
    "/opt/node/bin/node --jitless",
  );
  assert.equal(parsed("-r", "h", "10/8").runtime, undefined);
  refused(["-r", "h", "--runtime", " ", "10/8"], /Cannot use " " as the runtime: it is empty/, /--runtime/);
  refused(["-r", "h", "--runtime", "a\nb", "10/8"], /Cannot use "a\\nb" as the runtime: it is not one line/);
});

test("--no-agent leaves the work to sshd: it needs one, and has no use for a runtime", () => {
  assert.equal(parsed("-r", "h", "--no-agent", "10/8").agent, false);
  assert.equal(parsed("-r", "h", "10/8").agent, true);
  refused(["--no-agent", "--socks", "1080"], /no sshd that would forward/, /name a remote/);
  refused(["-r", "h", "--no-agent", "--runtime", "node", "10/8"], /Cannot use --runtime with --no-agent/);
});

test("--runtime-from names a file or a folder, and not nothing", () => {
  assert.equal(parsed("-r", "host", "10/8", "--runtime-from", "/opt/runtimes").runtimeFrom, "/opt/runtimes");
  refused(["-r", "host", "10/8", "--runtime-from", ""], /--runtime-from: the name of the file is empty/);
});
