import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  currentInstance,
  formatInstanceName,
  judgeInstance,
  parseInstanceName,
  stateOfInstance,
} from "../../../../client/firewall/instance-name.ts";

/** PID_MAX_LIMIT on 64-bit kernels. */
const MOST_PID = 4_194_304;
const instance = fc.record(
  {
    pid: fc.integer({ min: 1, max: MOST_PID }),
    start: fc.nat(36 ** 4 - 1),
    boot: fc.nat(36 ** 3 - 1),
    namespace: fc.nat(36 ** 3 - 1),
  },
  { noNullPrototype: true },
);

test("an instance's name says all of it, and leaves two characters of the 28 that a chain may have", () => {
  fc.assert(
    fc.property(instance, (value) => {
      const name = formatInstanceName(value);
      assert.ok(name.length <= 26, name);
      assert.deepEqual(parseInstanceName(name), value);
    }),
  );
});

test("parseInstanceName() refuses names of others", () => {
  for (const name of ["sshuttle-12300", "sshuttle-ipv4-12300", "DOCKER", "", "sshuttle-1-2222-333333-c"]) {
    assert.equal(parseInstanceName(name), undefined, name);
  }
});

test("judgeInstance() calls dead only what it can know to be", () => {
  const self = { pid: 2, start: 9, boot: 1, namespace: 1 };
  const other = { pid: 7, start: 5, boot: 1, namespace: 1 };
  assert.equal(judgeInstance(other, self, 5), "alive");
  assert.equal(judgeInstance(other, self, undefined), "dead");
  assert.equal(judgeInstance(other, self, 6), "dead");
  assert.equal(judgeInstance({ ...other, boot: 2 }, self, 5), "dead");
  assert.equal(judgeInstance({ ...other, namespace: 2 }, self, undefined), "unknown");
});

test("this process is alive, and one with its number but another start is not", () => {
  const self = currentInstance();
  assert.equal(stateOfInstance(self), "alive");
  assert.equal(stateOfInstance({ ...self, start: (self.start + 1) % 36 ** 4 }), "dead");
});
