/** Which lines speak of a host, against what ssh-keygen finds in the same file; ours hashed and theirs. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import {
  entryMatches,
  formatKnownHost,
  hashHostName,
  knownHostName,
  parseKnownHosts,
} from "../../../bootstrap/ssh2/known-hosts.ts";

const directory = mkdtempSync(join(tmpdir(), "ssh2-known-hosts-"));
after(() => rmSync(directory, { recursive: true }));
const file = join(directory, "known_hosts");
const KEYS = ["ed25519", "ecdsa", "rsa"].map((type) => {
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "", "-f", join(directory, type)]);
  return readFileSync(join(directory, `${type}.pub`), "utf8").trim();
});

/** Line numbers that `ssh-keygen -F` prints. */
function askKeygen(name: string): number[] {
  const { stdout } = spawnSync("ssh-keygen", ["-F", name, "-f", file], { encoding: "utf8" });
  return [...stdout.matchAll(/ found: line (\d+)/g)].map(([, line]) => Number(line));
}

function ourLines(name: string): number[] {
  const entries = parseKnownHosts({ file, text: readFileSync(file, "utf8") });
  return entries.filter((entry) => entryMatches(entry, name)).map(({ line }) => line);
}

const hosts = ["alpha", "beta", "alpha.example", "192.0.2.1", "2001:db8::1"].flatMap((host) =>
  [22, 2222].map((port) => knownHostName(host, port)),
);
const host = fc.constantFrom(...hosts);
const pattern = fc.oneof(
  host,
  fc.constantFrom("*", "al*", "!beta", "?eta", "*.example", "!*.example", "192.0.2.?", "[*]:2222", "Alpha"),
);
const names = fc.oneof(
  fc.array(pattern, { minLength: 1, maxLength: 3 }).map((list) => list.join(",")),
  host.map((name) => hashHostName(name)),
);
const marker = fc.constantFrom("", "", "@revoked ", "@cert-authority ");
const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(marker, names, fc.constantFrom(...KEYS))
      .map(([mark, list, key]) => `${mark}${list} ${key}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "",
      "# a comment",
      "  # another",
      "alpha",
      "alpha ssh-rsa",
      "alpha 2048 65537 12345",
      "@unknown alpha ssh-rsa AAAA",
    ),
  },
);
const text = fc.array(line, { maxLength: 12 }).map((lines) => `${lines.join("\n")}\n`);

test("the lines that speak of a host are those that ssh-keygen -F finds", () => {
  fc.assert(
    fc.property(text, host, (content, name) => {
      writeFileSync(file, content);
      assert.deepEqual(ourLines(name), askKeygen(name), `${name} in:\n${content}`);
    }),
    { numRuns: 150 },
  );
});

test("a file that ssh-keygen -H has hashed speaks of the same hosts", () => {
  const plain = fc.array(fc.tuple(host, fc.constantFrom(...KEYS)), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(plain, host, (entries, name) => {
      writeFileSync(file, entries.map((entry) => `${entry.join(" ")}\n`).join(""));
      const before = ourLines(name);
      execFileSync("ssh-keygen", ["-H", "-f", file], { stdio: "ignore" });
      assert.match(readFileSync(file, "utf8"), /^\|1\|/);
      assert.deepEqual(ourLines(name), before);
    }),
    { numRuns: 40 },
  );
});

test("ssh-keygen -F finds a line that we format, hashed or not, and no other host's", () => {
  fc.assert(
    fc.property(host, host, fc.constantFrom(...KEYS), fc.boolean(), (name, other, key, hashed) => {
      writeFileSync(file, formatKnownHost(name, Buffer.from(key.split(" ")[1] ?? "", "base64"), hashed));
      assert.deepEqual(askKeygen(name), [1]);
      assert.deepEqual(askKeygen(other), name === other ? [1] : []);
    }),
    { numRuns: 40 },
  );
});
