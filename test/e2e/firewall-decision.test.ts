/** What is captured: the kernel's decisions about real connections, against a second opinion. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { TestContext } from "node:test";
import fc from "fast-check";
import { formatNftTable } from "../../client/firewall/nft-text.ts";
import type { Endpoint, Plan } from "../../client/firewall/plan.ts";
import type { Family, Subnet } from "../../client/subnet.ts";
import type { LabHost } from "../lab/host.ts";
import { createLab } from "../lab/lab.ts";
import { addressOf } from "../lab/layout.ts";
import { WHOAMI_PORTS } from "../lab/services.ts";
import { useIptables } from "./firewall/iptables-kind.ts";
import { decide } from "./firewall/oracle.ts";
import type { Packet } from "./firewall/oracle.ts";
import { dial, StandIn } from "./firewall/stand-in.ts";

const lab = await createLab({ direct: true });
after(() => lab.close());

/** The client's address on the cable to the server; a machine has more than loopback for its own. */
const OWN = addressOf("client", "server");
const LOCAL = new Set(["127.0.0.1", "127.1.2.3", "::1", OWN.v4, OWN.v6]);
/** Addresses that subnets and connections are made of, close to each other so that they meet. */
const ADDRESSES = {
  4: [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.130",
    "10.0.1.1",
    "10.1.0.1",
    "10.128.0.1",
    "127.0.0.1",
    "127.1.2.3",
    OWN.v4,
  ],
  6: ["fd00::1", "fd00::2", "fd00::8001", "fd00:0:0:1::1", "fd80::1", "::1", OWN.v6],
} as const;
const PORTS = WHOAMI_PORTS.slice(0, 6);

const METHODS = [
  { title: "nft", wish: "nft", kind: "nft" },
  { title: "nat, iptables-nft", wish: "nat", kind: "nft" },
  { title: "nat, iptables-legacy", wish: "nat", kind: "legacy" },
] as const;

const portRange = fc
  .tuple(fc.constantFrom(...PORTS), fc.constantFrom(...PORTS))
  .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));

function subnetOf(family: Family): fc.Arbitrary<Subnet> {
  return fc
    .tuple(
      fc.constantFrom(...ADDRESSES[family]),
      fc.oneof(
        fc.constantFrom(...(family === 4 ? [0, 8, 9, 16, 24, 25, 31, 32] : [0, 7, 8, 9, 64, 113, 127, 128])),
        fc.nat(family === 4 ? 32 : 128),
      ),
      fc.option(portRange),
    )
    .map(([address, prefix, ports]) =>
      ports === null ? { family, address, prefix } : { family, address, prefix, ports },
    );
}

function endpointOf(family: Family): fc.Arbitrary<Endpoint> {
  return fc.record(
    {
      family: fc.constant(family),
      address: fc.constantFrom(...ADDRESSES[family]),
      port: fc.constantFrom(...PORTS),
    },
    { noNullPrototype: true },
  );
}

const anySubnet = fc.oneof(subnetOf(4), subnetOf(6));

function planOf(listeners: readonly Endpoint[]): fc.Arbitrary<Plan> {
  return fc.record(
    {
      listeners: fc.constant(listeners),
      includes: fc.array(anySubnet, { minLength: 1, maxLength: 6 }),
      excludes: fc.array(anySubnet, { maxLength: 4 }),
      ownConnections: fc.array(fc.oneof(endpointOf(4), endpointOf(6)), { maxLength: 2 }),
      sources: fc.constantFrom("local" as const, "both" as const),
    },
    { noNullPrototype: true },
  );
}

/** Every address with a few of the ports, the listeners' own among them. */
function packets(listeners: readonly Endpoint[]): Packet[] {
  return ([4, 6] as const).flatMap((family) => {
    const own = listeners.find((listener) => listener.family === family)?.port ?? 1;
    return ADDRESSES[family].flatMap((address) =>
      [...PORTS.slice(0, 3), own].map((port) => ({ address, port, isLocal: LOCAL.has(address) })),
    );
  });
}

/** Makes each connection and compares with the oracle; where a captured one wanted to go must be right too. */
async function compare(from: LabHost, plan: Plan, each: readonly Packet[]): Promise<void> {
  await Promise.all(
    each.map(async (packet) => {
      const { address, port, isLocal } = packet;
      const met = await dial(from, address, port);
      const family: Family = address.includes(":") ? 6 : 4;
      // null: the listener itself was dialled, which is direct.
      const seen = met === "direct" || met === null ? "direct" : "captured";
      const told = `${address} port ${port}${isLocal ? " (local)" : ""}`;
      assert.equal(seen, decide(plan, packet), told);
      if (met !== "direct" && met !== null) assert.deepEqual(met, { family, address, port }, told);
    }),
  );
}

/** Ends with the test, and its rules with it. */
function backend(t: TestContext, wish: "nft" | "nat"): StandIn {
  const client = new StandIn(lab.client, "backend", wish);
  t.after(() => client.process.kill("SIGKILL"));
  return client;
}

async function standIn(
  t: TestContext,
  wish: "nft" | "nat",
): Promise<{ client: StandIn; listeners: Endpoint[] }> {
  const client = backend(t, wish);
  const listeners: Endpoint[] = [
    { family: 4, address: "127.0.0.1", port: await client.listen("127.0.0.1") },
    { family: 6, address: "::1", port: await client.listen("::1") },
  ];
  await client.probe();
  return { client, listeners };
}

for (const { title, wish, kind } of METHODS) {
  describe(`method ${title}`, () => {
    test("random plans: the kernel decides about every connection as the oracle does", async (t) => {
      await useIptables(lab.client, kind);
      const { client, listeners } = await standIn(t, wish);
      const each = packets(listeners);
      await fc.assert(
        fc.asyncProperty(planOf(listeners), async (plan) => {
          await client.start(plan);
          try {
            await compare(lab.client, plan, each);
          } finally {
            await client.stop();
          }
        }),
        { numRuns: 25 },
      );
    });

    test("0/0 and ::/0 leave this machine's own addresses alone, a listed one is captured", async (t) => {
      await useIptables(lab.client, kind);
      const { client, listeners } = await standIn(t, wish);
      const port = PORTS[0] ?? 0;
      const plan: Plan = {
        listeners,
        includes: [
          { family: 4, address: "0.0.0.0", prefix: 0 },
          { family: 6, address: "::", prefix: 0 },
          { family: 4, address: "127.1.2.3", prefix: 32 },
        ],
        excludes: [],
        ownConnections: [],
        sources: "local",
      };
      await client.start(plan);
      for (const address of ["127.0.0.1", "::1", OWN.v4, OWN.v6]) {
        assert.equal(await dial(lab.client, address, port), "direct", address);
      }
      for (const address of ["10.0.0.1", "fd00::1", "127.1.2.3"]) {
        assert.notEqual(await dial(lab.client, address, port), "direct", address);
      }
      await client.stop();
    });

    test("an update exempts an address and port, and gives the former one back", async (t) => {
      await useIptables(lab.client, kind);
      const { client, listeners } = await standIn(t, wish);
      const [port = 0, otherPort = 0] = PORTS;
      const plan: Plan = {
        listeners,
        includes: [
          { family: 4, address: "0.0.0.0", prefix: 0 },
          { family: 6, address: "::", prefix: 0 },
        ],
        excludes: [],
        ownConnections: [{ family: 4, address: "10.0.0.1", port }],
        sources: "local",
      };
      await client.start(plan);
      assert.equal(await dial(lab.client, "10.0.0.1", port), "direct");
      assert.notEqual(await dial(lab.client, "10.0.0.1", otherPort), "direct");
      assert.notEqual(await dial(lab.client, "fd00::1", port), "direct");
      await client.update([{ family: 6, address: "fd00::1", port }]);
      assert.notEqual(await dial(lab.client, "10.0.0.1", port), "direct");
      assert.equal(await dial(lab.client, "fd00::1", port), "direct");
      await client.stop();
    });

    test("router mode captures what comes through this machine; without it that goes direct", async (t) => {
      await useIptables(lab.client, kind);
      const client = backend(t, wish);
      const port = await client.listen("::");
      await client.probe();
      const plan: Plan = {
        listeners: [
          { family: 4, address: "0.0.0.0", port },
          { family: 6, address: "::", port },
        ],
        includes: [
          { family: 4, address: "10.0.0.0", prefix: 8 },
          { family: 6, address: "fd00::", prefix: 8 },
        ],
        excludes: [{ family: 4, address: "10.0.0.2", prefix: 32 }],
        ownConnections: [],
        sources: "both",
      };
      const toLan = addressOf("client", "lan");
      const each: Packet[] = [
        ...["10.0.0.1", "10.0.0.2", "11.0.0.1", "fd00::1"].map((address) => ({
          address,
          port: PORTS[0] ?? 0,
          isLocal: false,
        })),
        { address: toLan.v4, port, isLocal: true },
      ];
      await client.start(plan);
      await compare(lab.lan, plan, each);
      await compare(lab.client, plan, each);
      assert.equal(await dial(lab.lan, toLan.v4, port), null, "who dials the listener itself is told apart");
      await client.stop();
      await client.start({ ...plan, sources: "local" });
      assert.equal(await dial(lab.lan, "10.0.0.1", PORTS[0] ?? 0), "direct");
      assert.notEqual(await dial(lab.client, "10.0.0.1", PORTS[0] ?? 0), "direct");
      await client.stop();
    });

    test("a listener on one address of the machine is reached from it and from its network", async (t) => {
      await useIptables(lab.client, kind);
      const client = backend(t, wish);
      const toLan = addressOf("client", "lan");
      const listeners: Endpoint[] = [
        { family: 4, address: toLan.v4, port: await client.listen(toLan.v4) },
        { family: 6, address: toLan.v6, port: await client.listen(toLan.v6) },
      ];
      await client.probe();
      await client.start({
        listeners,
        includes: [
          { family: 4, address: "10.0.0.0", prefix: 8 },
          { family: 6, address: "fd00::", prefix: 8 },
        ],
        excludes: [],
        ownConnections: [],
        sources: "both",
      });
      for (const host of [lab.client, lab.lan]) {
        for (const address of ["10.0.0.1", "fd00::1"]) {
          const port = PORTS[0] ?? 0;
          const family: Family = address.includes(":") ? 6 : 4;
          assert.deepEqual(
            await dial(host, address, port),
            { family, address, port },
            `${host.name} ${address}`,
          );
        }
      }
      await client.stop();
    });

    test("a connection that was there before goes on as it is", async (t) => {
      await useIptables(lab.client, kind);
      const { client, listeners } = await standIn(t, wish);
      const echo = lab.client.start(["nc", "10.0.0.1", "7"]);
      t.after(() => echo.kill("SIGKILL"));
      echo.stdin.write("before\n");
      await echo.output(/before/);
      await client.start({
        listeners,
        includes: [{ family: 4, address: "0.0.0.0", prefix: 0 }],
        excludes: [],
        ownConnections: [],
        sources: "local",
      });
      echo.stdin.write("after\n");
      await echo.output(/after/);
      await client.stop();
    });
  });
}

test("the text of the rules is what nft shows of them", async (t) => {
  const { client, listeners } = await standIn(t, "nft");
  // Where a redirect does not lead to.
  const elsewhere: readonly Endpoint[] = [
    { family: 4, address: OWN.v4, port: 12_300 },
    { family: 6, address: OWN.v6, port: 12_301 },
  ];
  await fc.assert(
    fc.asyncProperty(fc.oneof(planOf(listeners), planOf(elsewhere)), async (plan) => {
      await client.start(plan);
      const shown = await lab.client.shell("nft list ruleset");
      await client.stop();
      const name = /^table inet (\S+)/m.exec(shown)?.[1] ?? "";
      const normal = shown.replace(/ # progname .*/, "").replaceAll("dstnat - 1", "-101");
      assert.equal(formatNftTable(plan, { name, owned: true }), normal);
    }),
    { numRuns: 30 },
  );
});
