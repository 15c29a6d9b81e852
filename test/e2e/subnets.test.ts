/** Which destinations are captured: random subnets against an oracle, asked of the kernel's real decisions. */
import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { createLab } from "../lab/lab.ts";
import type { Way } from "../lab/layout.ts";
import { WHOAMI_PORTS } from "../lab/services.ts";
import { CAPTURE_METHODS, wayTo, withTunnel } from "../lab/tunnel.ts";

interface Rule {
  readonly exclude: boolean;
  readonly family: 4 | 6;
  /** Of the 32 bits that the two families' universes have in common: 10.0.0.0/8, 2001:db8:f000::/40. */
  readonly bits: number;
  readonly prefix: number;
  readonly ports: readonly [number, number] | undefined;
}

interface Destination {
  readonly family: 4 | 6;
  readonly bits: number;
  readonly port: number;
}

const UNIVERSE_BITS = 24;
const FIRST_PORT = WHOAMI_PORTS[0] ?? 0;
const LAST_PORT = WHOAMI_PORTS.at(-1) ?? 0;

/** The universe has 24 bits in either family: 10.a.b.c and 2001:db8:f000:a::, with b and c where they fit. */
function addressText(family: 4 | 6, bits: number): string {
  const [a, b, c] = [bits >>> 16, (bits >>> 8) & 255, bits & 255];
  if (family === 4) return `10.${a}.${b}.${c}`;
  const low = (b << 8) | c;
  // As the system writes it: a group of zeros joins the "::".
  return `2001:db8:f0${a.toString(16).padStart(2, "0")}:${low === 0 ? "" : `${low.toString(16)}:`}:1`;
}

/** Bits in front of the universe's in an address of the family. */
const OFFSET = { 4: 8, 6: 40 } as const;

function subnetText({ family, bits, prefix, ports }: Rule): string {
  const address = addressText(family, bits);
  const network = `${address}/${OFFSET[family] + prefix}`;
  if (ports === undefined) return network;
  const range = ports[0] === ports[1] ? `${ports[0]}` : `${ports[0]}-${ports[1]}`;
  return family === 6 ? `[${network}]:${range}` : `${network}:${range}`;
}

/**
 * The oracle: of the rules that match, the one with the fewest ports decides, then the longest prefix, then an
 * exclude. Whether an address is in a subnet is left to Node's BlockList, which shares no line with ours.
 */
function expectedWay(rules: readonly Rule[], { family, bits, port }: Destination): Way {
  const matching = rules.filter((rule) => {
    if (rule.family !== family) return false;
    if (rule.ports !== undefined && (port < rule.ports[0] || port > rule.ports[1])) return false;
    const block = new BlockList();
    const type = family === 4 ? "ipv4" : "ipv6";
    block.addSubnet(addressText(family, rule.bits), OFFSET[family] + rule.prefix, type);
    return block.check(addressText(family, bits), type);
  });
  const portCount = ({ ports }: Rule): number => (ports === undefined ? 65_536 : ports[1] - ports[0] + 1);
  let best: Rule | undefined;
  for (const rule of matching) {
    const order =
      best === undefined
        ? -1
        : portCount(rule) - portCount(best) ||
          best.prefix - rule.prefix ||
          Number(best.exclude) - Number(rule.exclude);
    if (order < 0) best = rule;
  }
  return best === undefined || best.exclude ? "direct" : "tunnelled";
}

/** Addresses and ports at the edges of every rule, where mistakes are. */
function edgesOf(rules: readonly Rule[]): Destination[] {
  return rules.flatMap(({ family, bits, prefix, ports }) => {
    const size = 2 ** (UNIVERSE_BITS - prefix);
    const start = Math.floor(bits / size) * size;
    const addresses = [start - 1, start, start + size - 1, start + size].filter(
      (value) => value >= 0 && value < 2 ** UNIVERSE_BITS,
    );
    const [first, last] = ports ?? [FIRST_PORT, LAST_PORT];
    const edges = [first - 1, first, last, last + 1].filter(
      (port) => port >= FIRST_PORT && port <= LAST_PORT,
    );
    return addresses.flatMap((address) => edges.map((port) => ({ family, bits: address, port })));
  });
}

const port = fc.integer({ min: FIRST_PORT, max: LAST_PORT });
const family = fc.constantFrom(4 as const, 6 as const);
/** Few distinct bits, so that subnets lie in each other. */
const bits = fc.tuple(
  fc.constantFrom(0, 1, 2, 255),
  fc.constantFrom(0, 1, 128),
  fc.constantFrom(0, 1, 254, 255),
);
const address = bits.map(([a, b, c]) => (a << 16) | (b << 8) | c);

const rule: fc.Arbitrary<Rule> = fc.record({
  exclude: fc.boolean(),
  family,
  bits: address,
  prefix: fc.constantFrom(0, 1, 7, 8, 9, 15, 16, 17, 22, 23, 24),
  ports: fc.oneof(
    fc.constant(undefined),
    port.map((only) => [only, only] as const),
    fc.tuple(port, port).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
  ),
});

const lab = await createLab({ direct: true });
after(() => lab.close());

function describeWay(to: Destination, way: string): string {
  return `${addressText(to.family, to.bits)} port ${to.port}: ${way}`;
}

/** Asks the kernel about many destinations at once. */
async function waysTo(destinations: readonly Destination[]): Promise<string[]> {
  return await Promise.all(
    destinations.map((to) => wayTo(lab.client, addressText(to.family, to.bits), to.port)),
  );
}

for (const method of CAPTURE_METHODS) {
  describe(`with ${method}`, () => {
    test("the oracle and the kernel agree on random includes and excludes", async () => {
      const rules = fc.array(rule, { minLength: 3, maxLength: 8 });
      // Something of each family is always included: a client without anything to capture is a usage error.
      const property = fc.asyncProperty(
        rules,
        fc.array(fc.tuple(family, address, port)),
        async (some, more) => {
          const all: Rule[] = [
            ...some,
            { exclude: false, family: 4, bits: 0x020000, prefix: 8, ports: undefined },
            { exclude: false, family: 6, bits: 0x020000, prefix: 8, ports: undefined },
          ];
          const args = all.flatMap((one) => (one.exclude ? ["-x", subnetText(one)] : [subnetText(one)]));
          const destinations = [
            ...edgesOf(all),
            ...more.map(([anyFamily, anyBits, anyPort]) => ({
              family: anyFamily,
              bits: anyBits,
              port: anyPort,
            })),
          ];
          let seen: string[] = [];
          await withTunnel(lab, { args: ["--method", method, ...args] }, async () => {
            seen = await waysTo(destinations);
          });
          assert.deepEqual(
            destinations.map((to, index) => describeWay(to, seen[index] ?? "")),
            destinations.map((to) => describeWay(to, expectedWay(all, to))),
            `sshuttle ${args.join(" ")}`,
          );
        },
      );
      await fc.assert(property, { numRuns: 5, endOnFailure: true });
    });

    test("a port of the whole network outranks an exclude of one address", async () => {
      const args = ["--method", method, "10.0.0.0/8:8001", "10.0.0.0/8", "-x", "10.5.0.1"];
      await withTunnel(lab, { args }, async () => {
        assert.equal(await wayTo(lab.client, "10.5.0.1", 8001), "tunnelled");
        assert.equal(await wayTo(lab.client, "10.5.0.1", 8002), "direct");
      });
    });

    test("a family without an include is left alone", async () => {
      await withTunnel(lab, { args: ["--method", method, "0/0"] }, async () => {
        assert.equal(await wayTo(lab.client, "10.5.0.1"), "tunnelled");
        assert.equal(await wayTo(lab.client, "2001:db8:f000::1"), "direct");
      });
    });
  });
}

test("the oracle follows the rule of the most specific subnet", () => {
  const any: Rule = { exclude: false, family: 4, bits: 0, prefix: 0, ports: undefined };
  const out: Rule = { ...any, exclude: true, prefix: 16 };
  const back: Rule = { ...any, prefix: 24 };
  const byPort: Rule = { ...any, exclude: true, ports: [8000, 8001] };
  const to: Destination = { family: 4, bits: 0, port: 8002 };
  assert.equal(expectedWay([], to), "direct");
  assert.equal(expectedWay([any], to), "tunnelled");
  assert.equal(expectedWay([any, out], to), "direct");
  assert.equal(expectedWay([out, back, any], to), "tunnelled");
  assert.equal(expectedWay([back, { ...back, exclude: true }], to), "direct");
  assert.equal(expectedWay([back, byPort], { ...to, port: 8001 }), "direct");
  assert.equal(expectedWay([back, byPort], to), "tunnelled");
  assert.equal(expectedWay([any], { ...to, family: 6 }), "direct");
});
