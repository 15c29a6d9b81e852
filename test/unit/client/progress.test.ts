import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuntimeFile } from "../../../bootstrap/runtime-provider.ts";
import { UploadMeter, formatBytes, formatSeconds, uploadProgress } from "../../../client/progress.ts";

const FILE: RuntimeFile = {
  path: "/node",
  name: "node",
  version: "20.1.0",
  bytes: 9e7,
  sha256: "",
  assumes: [],
};
const MB = 1_000_000;

test("a meter tells share, bytes, rate and the time that is left", () => {
  const meter = new UploadMeter(0);
  for (let second = 1; second <= 5; second++) meter.update(2 * MB * second, 40 * MB, second * 1000);
  assert.equal(meter.rate(), 2 * MB);
  assert.equal(meter.remainingSeconds(), 15);
  assert.equal(
    meter.line("node 20.1.0", 100),
    "uploading node 20.1.0 [==>       ]   25%  10.0 MB of 40.0 MB  2.0 MB/s  15 s",
  );
  assert.equal(meter.summary("node 20.1.0"), "uploaded node 20.1.0: 10.0 MB in 5.0 s (2.0 MB/s)");
});

test("the rate follows the last seconds, not the whole upload", () => {
  const meter = new UploadMeter(0);
  for (let second = 1; second <= 10; second++) meter.update(10 * MB * second, 1000 * MB, second * 1000);
  for (let second = 11; second <= 15; second++)
    meter.update(100 * MB + (second - 10) * MB, 1000 * MB, second * 1000);
  assert.equal(meter.rate(), MB);
});

test("no rate is told before there is one, and no end where nothing moves", () => {
  const meter = new UploadMeter(0);
  meter.update(MB, 10 * MB, 100);
  assert.equal(meter.rate(), undefined);
  assert.equal(meter.line("node 20.1.0", 100), "uploading node 20.1.0 [>         ]   10%  1.0 MB of 10.0 MB");
  for (let ms = 1000; ms <= 9000; ms += 1000) meter.update(MB, 10 * MB, ms);
  assert.equal(meter.rate(), 0);
  assert.equal(meter.remainingSeconds(), undefined);
});

test("with an unknown total there is no bar, and on a narrow terminal none either, and it never wraps", () => {
  const meter = new UploadMeter(0);
  meter.update(MB, undefined, 1000);
  assert.equal(meter.line("node 20.1.0", 100), "uploading node 20.1.0  1.0 MB  1.0 MB/s");
  meter.update(MB, 4 * MB, 1000);
  assert.match(meter.line("node 20.1.0", 60), /^uploading node 20\.1\.0 {3}25% {2}1\.0 MB of 4\.0 MB/);
  for (let columns = 0; columns < 100; columns++) {
    assert.ok(meter.line("node 20.1.0", columns).length <= columns);
  }
});

test("a share is 100 % only when all is there, and never more", () => {
  const meter = new UploadMeter(0);
  meter.update(9999, 10_000, 1);
  assert.match(meter.line("x", 100), / 99%/);
  meter.update(10_000, 10_000, 2);
  assert.match(meter.line("x", 100), /\[={10}\] {2}100%/);
  meter.update(10_001, 10_000, 3);
  assert.match(meter.line("x", 100), /\[={10}\] {2}100%/);
  meter.update(0, 0, 4);
  assert.match(meter.line("x", 100), /100%/);
});

test("amounts and times have three digits or so, and their units", () => {
  const amounts = [0, 999, 1000, 99_949, 99_950, 999_499, 999_500, 107_400_000, 5e12].map(formatBytes);
  assert.deepEqual(amounts, [
    "0 B",
    "999 B",
    "1.0 kB",
    "99.9 kB",
    "100 kB",
    "999 kB",
    "1.0 MB",
    "107 MB",
    "5000 GB",
  ]);
  const times = [0, 9.94, 9.96, 59.4, 59.6, 185, 7800].map(formatSeconds);
  assert.deepEqual(times, ["0.0 s", "9.9 s", "10 s", "59 s", "1 min 00 s", "3 min 05 s", "2 h 10 min"]);
});

/** What a screen and a log get of an upload of 10 MB in 1 s, told of every 20 ms. */
function upload(isTTY: boolean): { readonly drawn: readonly string[]; readonly logged: readonly string[] } {
  const drawn: string[] = [];
  const logged: string[] = [];
  let nowMs = 1000;
  const screen = { isTTY, columns: 80, write: (text: string) => drawn.push(text) };
  const tell = uploadProgress(
    screen,
    (level, text) => logged.push(`${level} ${text}`),
    () => nowMs,
  );
  for (let step = 0; step <= 50; step++) {
    tell({ file: FILE, sentBytes: step * 0.2 * MB, totalBytes: 10 * MB, done: step === 50 });
    nowMs += 20;
  }
  return { drawn, logged };
}

test("on a terminal the line is drawn ten times a second, and is gone in the end", () => {
  const { drawn, logged } = upload(true);
  assert.equal(drawn.length, 11);
  for (const text of drawn) assert.ok(text.startsWith("\r\u001B[K"));
  assert.equal(drawn.at(-1), "\r\u001B[K");
  assert.deepEqual(logged, ["1 uploaded node 20.1.0: 10.0 MB in 1.0 s (10.0 MB/s)"]);
});

test("where there is no terminal nothing is drawn, and -v tells of it in the end", () => {
  const { drawn, logged } = upload(false);
  assert.deepEqual(drawn, []);
  assert.deepEqual(logged, ["1 uploaded node 20.1.0: 10.0 MB in 1.0 s (10.0 MB/s)"]);
});
