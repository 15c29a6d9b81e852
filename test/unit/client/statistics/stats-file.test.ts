import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ClientError } from "../../../../client/errors.ts";
import { StatsFile } from "../../../../client/statistics/stats-file.ts";

const folder = mkdtempSync(join(tmpdir(), "stats-file-"));
after(() => rmSync(folder, { recursive: true }));
const inFolder = (name: string): string => join(folder, name);
const silent = (_level: number, line: string): never => assert.fail(line);

test("a StatsFile holds one sample a line, and nothing of what the file held before", async () => {
  const path = inFolder("stats.json");
  writeFileSync(path, "x".repeat(100_000));
  const link = inFolder("link.json");
  symlinkSync(path, link);
  const file = new StatsFile(link, silent);
  assert.equal(readFileSync(path, "utf8"), "");
  const samples = [{ n: 1, text: "a\nb" }, { n: 2 }];
  for (const sample of samples) file.write(sample);
  await file.close();
  file.write({ n: 3 });
  const lines = readFileSync(path, "utf8").split("\n");
  assert.equal(lines.pop(), "");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    samples,
  );
});

test("a StatsFile that cannot be written is an error at once, with the file and the reason", () => {
  mkdirSync(inFolder("taken"));
  for (const [name, reason] of [
    ["taken", "EISDIR"],
    ["no-folder/stats.json", "ENOENT"],
  ] as const) {
    const refusal = (error: unknown): boolean =>
      error instanceof ClientError &&
      error.code === "file-write" &&
      error.exitCode === 74 &&
      error.message.startsWith(`Cannot write "${inFolder(name)}": ${reason}`);
    assert.throws(() => new StatsFile(inFolder(name), silent), refusal, name);
  }
});

test("a disk that is full later is told once, and stops nothing", async () => {
  const lines: string[] = [];
  const file = new StatsFile("/dev/full", (_level, line) => lines.push(line));
  file.write({ n: 1 });
  while (lines.length === 0) await new Promise(setImmediate);
  file.write({ n: 2 });
  await file.close();
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^Cannot write "\/dev\/full": ENOSPC/);
});
