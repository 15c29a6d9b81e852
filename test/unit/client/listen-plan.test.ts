import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../../client/errors.ts";
import { listenAddresses } from "../../../client/listen-plan.ts";
import type { Subnet } from "../../../client/subnet.ts";

const V4: Subnet = { family: 4, address: "10.0.0.0", prefix: 8 };
const V6: Subnet = { family: 6, address: "2001:db8::", prefix: 32 };
const plain = { disableIpv6: false };

test("listenAddresses() gives loopback for each family that has something to capture", () => {
  assert.deepEqual(
    listenAddresses(plain, [V4, V6], [4, 6]).addresses.map(({ address }) => address),
    ["127.0.0.1", "::1"],
  );
  assert.deepEqual(
    listenAddresses(plain, [V6], [4, 6]).addresses.map(({ address }) => address),
    ["::1"],
  );
});

test("listenAddresses() goes on with the other family and says why one is left out", () => {
  const cases = [
    listenAddresses(plain, [V4, V6], [4]),
    listenAddresses({ disableIpv6: true }, [V4, V6], [4, 6]),
    listenAddresses({ ...plain, listen: [{ family: 4, address: "0.0.0.0", port: 0 }] }, [V4, V6], [4, 6]),
  ];
  for (const { addresses, warnings } of cases) {
    assert.deepEqual(
      addresses.map(({ family }) => family),
      [4],
    );
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^IPv6 subnets are not captured: /);
  }
});

test("listenAddresses() throws when nothing is left to capture", () => {
  assert.throws(() => listenAddresses({ disableIpv6: true }, [V6], [4, 6]), UsageError);
});
