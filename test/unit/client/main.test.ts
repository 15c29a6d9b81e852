import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../client/main.js", import.meta.url));

function sshuttle(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
}

test("a file for --stats-json that cannot be written ends with 74, before ssh is started", () => {
  const file = join(tmpdir(), "no-such-folder", "stats.json");
  const tunnel = ["-r", "host", "--socks", "127.0.0.1:0", "-e", "/no/such/ssh", "--stats-json"];
  const { status, stdout, stderr } = sshuttle(...tunnel, file);
  assert.equal(status, 74, stderr);
  assert.match(stderr, /^sshuttle: Cannot write ".*no-such-folder\/stats\.json": ENOENT[^\n]*\n$/);
  assert.equal(stdout, "");
  assert.match(sshuttle(...tunnel, "").stderr, /Cannot use --stats-json: the name of the file is empty/);
});

test("--help and --version print to stdout and end with 0", () => {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL("../../../../package.json", import.meta.url), "utf8"),
  );
  assert.equal(sshuttle("--version").stdout, `${version}\n`);
  const help = sshuttle("--help");
  assert.equal(help.status, 0);
  for (const option of [
    "--remote",
    "--exclude",
    "--listen",
    "--method",
    "--socks",
    "--ssh-cmd",
    "--verbose",
  ]) {
    assert.ok(help.stdout.includes(option), option);
  }
});

test("what cannot be meant ends with 64 and says on stderr what it was", () => {
  const cases: readonly [args: string[], message: RegExp][] = [
    [["--exlude", "10/8"], /did you mean --exclude\?/],
    [["-r", "host"], /no subnet to capture/],
    [["10/8"], /Cannot capture this machine's connections without -r/],
    [["-r", "host", "no-such-host.invalid"], /Cannot resolve host "no-such-host\.invalid"/],
    [["bundle", "no-such-file.ts"], /no-such-file\.ts/],
    [["cleanup", "everything"], /cleanup takes no arguments/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = sshuttle(...args);
    assert.equal(status, 64, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, message);
    assert.equal(stdout, "");
  }
});

test("an ssh that is not there, or a host that refuses, is named with the reason, and ends with 69", () => {
  const missing = sshuttle("-r", "host", "--socks", "127.0.0.1:0", "-e", "/no/such/ssh");
  assert.equal(missing.status, 69, missing.stderr);
  assert.match(missing.stderr, /\/no\/such\/ssh/);
  const refused = sshuttle("-r", "127.0.0.1:1", "--socks", "127.0.0.1:0", "-e", "ssh -F none");
  assert.equal(refused.status, 69, refused.stderr);
  assert.match(refused.stderr, /[Rr]efused/);
});

test("bundle --inspect --json lists what is uploaded, and the figures add up", () => {
  const { status, stdout } = sshuttle("bundle", "--inspect", "--json");
  assert.equal(status, 0);
  const inspection: {
    hash: string;
    bytesBeforeReady: number;
    stage0: string;
    stage1: string;
    stage2Bytes: number;
    modules: { filename: string; group: string; chunkBytes: number }[];
  } = JSON.parse(stdout);
  assert.match(inspection.hash, /^[0-9a-f]{64}$/);
  assert.ok(inspection.stage0.includes(inspection.stage1));
  assert.ok(inspection.modules.some(({ filename }) => filename === "agent-src/main.ts"));
  const atOnce = inspection.modules.filter(({ group }) => group === "");
  const chunks = atOnce.reduce((sum, { chunkBytes }) => sum + chunkBytes, 0);
  const stages = Buffer.byteLength(inspection.stage0) + inspection.stage2Bytes;
  const payload = inspection.bytesBeforeReady - stages;
  assert.ok(payload > 0.8 * chunks, "the modules are in it");
  assert.ok(payload < chunks + 1024, "one stream with its index is not much more than the chunks");
});

test("bundle -o writes an archive that bundle --inspect shows, and writes again, as it was", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "archive-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const [first, second, page] = ["first.tar", "second.tar", "page.html"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const written = sshuttle("bundle", "-o", first);
  assert.deepEqual([written.status, written.stdout, written.stderr], [0, "", ""]);
  const ofAgent = sshuttle("bundle", "--inspect").stdout;
  assert.equal(sshuttle("bundle", "--inspect", first).stdout, ofAgent);
  assert.equal(sshuttle("bundle", "--inspect", "--json", first).stdout, sshuttle("bundle", "--json").stdout);
  sshuttle("bundle", first, "-o", second);
  assert.ok(readFileSync(first).equals(readFileSync(second)));
  const asPage = sshuttle("bundle", "--inspect", "--html", page, first);
  assert.deepEqual([asPage.status, asPage.stdout, asPage.stderr], [0, "", ""]);
  assert.match(readFileSync(page, "utf8"), /^<!doctype html>[^]*agent-src\/wire\/mux\.ts/);
});

test("bundle --inspect refuses a damaged archive with its name and the place, and one that is not there", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "archive-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "agent.tar");
  sshuttle("bundle", "-o", file);
  writeFileSync(file, readFileSync(file).subarray(0, 5000));
  const cut = sshuttle("bundle", "--inspect", file);
  assert.equal(cut.status, 74);
  assert.match(
    cut.stderr,
    /Cannot use ".*agent\.tar": Cannot read the archive at byte \d+: "manifest\.json" has \d+ bytes/,
  );
  assert.equal(cut.stdout, "");
  const missing = sshuttle("bundle", "--inspect", join(folder, "no.tar"));
  assert.deepEqual([missing.status, missing.stdout], [64, ""]);
  assert.match(missing.stderr, /Cannot read ".*no\.tar": ENOENT/);
  const unwritable = sshuttle("bundle", "--html", folder);
  assert.deepEqual([unwritable.status, unwritable.stdout], [74, ""]);
});
