import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeResolvConf, parseNameservers } from "../../../../client/doctor/resolv-conf.ts";

test("parseNameservers() takes addresses in order, and no comment or option", () => {
  const text = `# nameserver 1.1.1.1
; nameserver 2.2.2.2
search example.org
nameserver 10.0.0.1 # first
  nameserver\t2001:db8::53
nameserver 192.0.2.1;last
nameserver
options edns0 nameserver 3.3.3.3
`;
  assert.deepEqual(parseNameservers(text), ["10.0.0.1", "2001:db8::53", "192.0.2.1"]);
});

test("systemd-resolved's stub is noted, with the servers behind it where they are known", () => {
  const stub = "nameserver 127.0.0.53\noptions edns0 trust-ad\n";
  assert.equal(
    judgeResolvConf(stub, "nameserver 10.0.0.1\nnameserver 10.0.0.2\n").detail,
    "nameserver 127.0.0.53 (systemd-resolved's stub; behind it 10.0.0.1, 10.0.0.2)",
  );
  assert.equal(judgeResolvConf(stub, undefined).detail, "nameserver 127.0.0.53 (systemd-resolved's stub)");
  assert.deepEqual(judgeResolvConf("nameserver 127.0.0.1\n", "nameserver 10.0.0.1\n"), {
    step: "names-here",
    status: "ok",
    detail: "nameserver 127.0.0.1",
  });
});

test("no nameserver is a warning, and so is no file", () => {
  for (const text of ["", "search example.org\n", undefined]) {
    const step = judgeResolvConf(text, undefined);
    assert.deepEqual([step.status, step.fix === undefined], ["warning", false]);
  }
});
