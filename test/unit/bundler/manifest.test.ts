import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeManifest, parseManifest } from "../../../bundler/manifest.ts";
import type { Manifest } from "../../../bundler/manifest.ts";

const MANIFEST: Manifest = {
  hash: "a".repeat(64),
  entry: "main.ts",
  modules: [
    {
      filename: "main.ts",
      group: "",
      imports: [{ specifier: "net", filename: undefined, kind: "static" }],
      sourceBytes: 1,
      codeBytes: 2,
      usesDictionary: false,
      sha256: "b".repeat(64),
      mapSha256: "c".repeat(64),
    },
  ],
};

test("parseManifest() undoes encodeManifest()", () => {
  assert.deepEqual(parseManifest(encodeManifest(MANIFEST)), MANIFEST);
});

test("parseManifest() names the field that is wrong", () => {
  const text = encodeManifest(MANIFEST);
  const wrong: [string, string, RegExp][] = [
    [
      '"sshuttle-bundle-1"',
      '"sshuttle-bundle-9"',
      /its format is "sshuttle-bundle-9", only "sshuttle-bundle-1"/,
    ],
    ['"static"', '"eager"', /modules\[0\]\.imports\[0\]\.kind of .*: "eager", not "static" or "dynamic"/],
    ['"sourceBytes": 1', '"sourceBytes": -1', /modules\[0\]\.sourceBytes .*: -1, not a count/],
    ['"codeBytes": 2', '"codeBytes": 2.5', /modules\[0\]\.codeBytes .*: 2\.5, not a count/],
    ["false", "0", /modules\[0\]\.usesDictionary .*: 0, not true or false/],
    ['"group": ""', '"group": null', /modules\[0\]\.group .*: null, not a string/],
    ['"group": ""', '"group": "", "more": 1', /modules\[0\]\.more of .*: there is no such field$/],
    ['"group": "",', "", /modules\[0\]\.group .*: missing, not a string/],
    ["b".repeat(64), "B".repeat(64), /modules\[0\]\.sha256 .*, not 64 hex digits/],
    ['"net"', "[]", /imports\[0\]\.specifier .*: \[\], not a string/],
    ["{", "", /it is not JSON/],
  ];
  for (const [from, to, message] of wrong) {
    assert.throws(() => parseManifest(text.replace(from, to)), { code: "bundle-damaged", message }, to);
  }
  assert.throws(() => parseManifest("[]"), {
    code: "bundle-damaged",
    message: /manifest .*: \[\], not an object/,
  });
});
