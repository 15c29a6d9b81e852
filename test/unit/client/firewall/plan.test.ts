import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { activeFamilies, holdsForSpecial, orderedRules } from "../../../../client/firewall/plan.ts";
import type { Plan, SubnetRule } from "../../../../client/firewall/plan.ts";
import { formatSubnet, parseSubnet } from "../../../../client/subnet.ts";
import type { Subnet } from "../../../../client/subnet.ts";

function subnet(text: string): Subnet {
  const parsed = parseSubnet(text);
  if ("host" in parsed) throw new Error(`"${text}" is a name`);
  return parsed;
}

function plan(includes: readonly string[], excludes: readonly string[] = []): Plan {
  return {
    listeners: [{ family: 4, address: "127.0.0.1", port: 12_300 }],
    includes: includes.map(subnet),
    excludes: excludes.map(subnet),
    ownConnections: [],
    sources: "local",
  };
}

const ruleOf = (text: string, action: SubnetRule["action"]): SubnetRule => ({ ...subnet(text), action });
const rank = ({ ports, prefix }: SubnetRule): string =>
  `${ports === undefined ? 65_535 : ports.last - ports.first} ${prefix}`;
const show = (rule: SubnetRule): string => `${rule.action} ${formatSubnet(rule)}`;

test("orderedRules() puts narrower port ranges first, then longer prefixes, then excludes", () => {
  const { includes, excludes } = plan(
    ["0/0", "10.0.0.0/8", "10.0.0.0/8:8000-9000", "0/0:80", "10.1.0.0/16"],
    ["10.1.0.0/16", "1.2.3.4", "1.2.3.4:22"],
  );
  assert.deepEqual(orderedRules({ ...plan([]), includes, excludes }, 4).map(show), [
    "direct 1.2.3.4/32:22",
    "capture 0.0.0.0/0:80",
    "capture 10.0.0.0/8:8000-9000",
    "direct 1.2.3.4/32",
    "direct 10.1.0.0/16",
    "capture 10.0.0.0/8",
    "capture 0.0.0.0/0",
  ]);
});

test("orderedRules() gives the same decision whatever the order the user wrote", () => {
  const texts = ["0/0", "10/8", "10.1/16:80", "10.1/16:443", "10/8:80-90", "192.0.2.1", "10.1/16:80-90"];
  const pick = fc.shuffledSubarray(texts);
  fc.assert(
    fc.property(pick, pick, (includes, excludes) => {
      const forwards = orderedRules(plan(includes, excludes), 4);
      const backwards = orderedRules(plan(includes.toReversed(), excludes.toReversed()), 4);
      // Rules of equal rank match different packets; only their set counts.
      assert.deepEqual(forwards.map(show).toSorted(), backwards.map(show).toSorted());
      assert.deepEqual(forwards.map(rank), backwards.map(rank));
    }),
  );
});

test("orderedRules() clears host bits and drops what an equal rule has decided already", () => {
  const hosts: Plan = {
    ...plan([]),
    includes: [{ family: 4, address: "10.1.2.3", prefix: 8 }],
    excludes: [{ family: 4, address: "10.200.0.1", prefix: 8 }],
  };
  assert.deepEqual(orderedRules(hosts, 4).map(show), ["direct 10.0.0.0/8"]);
});

test("holdsForSpecial() takes single addresses and prefixes inside a special block, and every exclude", () => {
  const narrow = ["127/8", "127.0.0.1", "127.0.0.0/24:80", "10.1.2.3", "224.0.0.0/4", "169.254.0.0/16"];
  const wide = ["0/0", "10/8", "126/7", "224.0.0.0/3", "169.0.0.0/8", "0/0:80"];
  const narrow6 = ["::1", "2001:db8::1", "fe80::/64", "ff00::/8"];
  const wide6 = ["::/0", "2001:db8::/64", "fc00::/6", "::/127"];
  for (const text of [...narrow, ...narrow6])
    assert.equal(holdsForSpecial(ruleOf(text, "capture")), true, text);
  for (const text of [...wide, ...wide6]) assert.equal(holdsForSpecial(ruleOf(text, "capture")), false, text);
  for (const text of [...wide, ...wide6]) assert.equal(holdsForSpecial(ruleOf(text, "direct")), true, text);
});

test("activeFamilies() needs a listener and an include", () => {
  assert.deepEqual(activeFamilies(plan(["10/8"])), [4]);
  assert.deepEqual(activeFamilies(plan(["::/0"])), []);
  assert.deepEqual(activeFamilies(plan([], ["10/8"])), []);
});
