/** However it ends, the machine's firewall is afterwards what it was before, byte for byte. */
import assert from "node:assert/strict";
import { after, beforeEach, describe, test } from "node:test";
import type { TestContext } from "node:test";
import type { Plan } from "../../client/firewall/plan.ts";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import { createLab } from "../lab/lab.ts";
import { eventually } from "../lab/lab-process.ts";
import { WHOAMI_PORTS } from "../lab/services.ts";
import { useIptables } from "./firewall/iptables-kind.ts";
import { dial, Refused, StandIn } from "./firewall/stand-in.ts";
import type { Wish } from "./firewall/stand-in.ts";
import { NO_RULES, USER_RULES } from "./firewall/user-rules.ts";

const lab = await createLab({ direct: true });
after(() => lab.close());
const { client: host } = lab;

const PORT = WHOAMI_PORTS[0] ?? 0;
const METHODS = [
  { title: "nft", wish: "nft", kind: "nft" },
  { title: "nat, iptables-nft", wish: "nat", kind: "nft" },
  { title: "nat, iptables-legacy", wish: "nat", kind: "legacy" },
] as const;

interface Running {
  readonly client: StandIn;
  readonly helper: number;
}

const ENDINGS: Readonly<Record<string, (running: Running) => Promise<void>>> = {
  "stop()": async ({ client }) => {
    await client.stop();
    await client.end();
  },
  "the end of the client without stop()": ({ client }) => client.end(),
  "SIGKILL of the client": async ({ client }) => {
    client.process.kill("SIGKILL");
    await client.process.end();
  },
  "SIGKILL of the helper": async ({ client, helper }) => {
    process.kill(helper, "SIGKILL");
    await client.process.output(/"lost":"firewall-helper-lost"/);
    await client.end();
  },
  "SIGKILL of both at once": async ({ client, helper }) => {
    process.kill(helper, "SIGKILL");
    client.process.kill("SIGKILL");
    await client.process.end();
  },
  "SIGINT, SIGTERM and SIGHUP to the helper, which goes on, and then the client's end": async ({
    client,
    helper,
  }) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(helper, signal);
    assert.notEqual(await dial(host, "10.0.0.1", PORT), "direct");
    await client.end();
  },
};

beforeEach(() => host.shell(NO_RULES));

function standIn(t: TestContext, wish: Wish): StandIn {
  const client = new StandIn(host, "helper", wish);
  t.after(() => client.process.kill("SIGKILL"));
  return client;
}

async function planFor(client: StandIn, subnet: string): Promise<Plan> {
  return {
    listeners: [
      { family: 4, address: "127.0.0.1", port: await client.listen("127.0.0.1") },
      { family: 6, address: "::1", port: await client.listen("::1") },
    ],
    includes: [
      { family: 4, address: subnet, prefix: 16 },
      { family: 6, address: "fd00::", prefix: 8 },
    ],
    excludes: [],
    ownConnections: [{ family: 4, address: "192.0.2.1", port: 22 }],
    sources: "both",
  };
}

async function startRules(t: TestContext, wish: Wish, subnet = "10.0.0.0"): Promise<Running> {
  const others = new Set(helpers());
  const client = standIn(t, wish);
  await client.probe();
  await client.start(await planFor(client, subnet));
  const helper = helpers().find((pid) => !others.has(pid));
  assert.ok(helper !== undefined);
  return { client, helper };
}

function helpers(): number[] {
  return host
    .processes()
    .filter(({ command }) => command.includes("firewall-helper") && !command.includes("watchdog"))
    .map(({ pid }) => pid);
}

/** Rules are `before` soon, and no process of ours is left. */
async function assertRestored(before: string): Promise<void> {
  let now = "";
  await eventually("the rules as before", async () => {
    now = await host.rules();
    return now === before ? true : undefined;
  }).catch(() => assert.equal(now, before));
  await eventually("no process left", () =>
    host.processes().every(({ command }) => !/firewall-helper|watchdog/.test(command)) ? true : undefined,
  );
}

for (const { title, wish, kind } of METHODS) {
  for (const [ending, end] of Object.entries(ENDINGS)) {
    for (const [machine, script] of [
      ["with nothing of its own", ""],
      ["with rules like Docker's and firewalld's", USER_RULES],
    ] as const) {
      test(`method ${title}, ${ending}, on a machine ${machine}: the rules are as before`, async (t) => {
        await useIptables(host, kind);
        await host.shell(script);
        const before = await host.rules();
        const started = await startRules(t, wish);
        assert.notEqual(await host.rules(), before);
        assert.notEqual(await dial(host, "10.0.0.1", PORT), "direct");
        assert.notEqual(await dial(host, "fd00::1", PORT), "direct");
        await end(started);
        await assertRestored(before);
        assert.equal(await dial(host, "10.0.0.1", PORT), "direct");
      });
    }
  }
}

describe("two instances side by side", () => {
  for (const [first, second] of [
    ["nft", "nft"],
    ["nat", "nat"],
    ["nft", "nat"],
    ["nat", "nft"],
  ] as const) {
    for (const order of ["the first", "the second"] as const) {
      test(`${first} and ${second} capture each its own, ${order} ends before the other`, async (t) => {
        await useIptables(host, "nft");
        const before = await host.rules();
        const one = await startRules(t, first, "10.0.0.0");
        const two = await startRules(t, second, "10.1.0.0");
        const dials = async (): Promise<unknown[]> => [
          await dial(host, "10.0.0.1", PORT),
          await dial(host, "10.1.0.1", PORT),
        ];
        assert.ok((await dials()).every((met) => met !== "direct"));
        const [goes, stays] = order === "the first" ? [one, two] : [two, one];
        await goes.client.stop();
        const met = await dials();
        assert.equal(met[order === "the first" ? 0 : 1], "direct");
        assert.notEqual(met[order === "the first" ? 1 : 0], "direct");
        await stays.client.stop();
        await goes.client.end();
        await stays.client.end();
        await assertRestored(before);
      });
    }
  }
});

async function crash(t: TestContext): Promise<void> {
  const { client, helper } = await startRules(t, "nat");
  // Watchdog and helper at once, so that nobody is left to undo it.
  const watchdogs = host.processes().filter(({ command }) => command.includes("watchdog"));
  assert.equal(watchdogs.length, 1);
  for (const { pid } of watchdogs) process.kill(pid, "SIGKILL");
  process.kill(helper, "SIGKILL");
  client.process.kill("SIGKILL");
  await client.process.end();
}

function cleanUp(): ReturnType<typeof host.run> {
  return host.run(["node", `${PROJECT_IN_LAB}/dist/test/e2e/firewall/helper-main.js`, "cleanup"]);
}

describe("what a crash left", () => {
  test("cleanup removes it, says so, and exits with 0", async (t) => {
    await useIptables(host, "nft");
    const before = await host.rules();
    await crash(t);
    assert.notEqual(await host.rules(), before);
    const { code, stdout } = await cleanUp();
    assert.equal(code, 0);
    assert.match(stdout, /^removed chains sshuttle-\S+ of iptables$/m);
    assert.match(stdout, /^removed chains sshuttle-\S+ of ip6tables$/m);
    await assertRestored(before);
    assert.equal((await cleanUp()).stdout, "nothing to remove\n");
  });

  test("cleanup leaves a living instance alone", async (t) => {
    await useIptables(host, "nft");
    await host.shell(USER_RULES);
    const before = await host.rules();
    const nft = await startRules(t, "nft", "10.0.0.0");
    const nat = await startRules(t, "nat", "10.1.0.0");
    const during = await host.rules();
    const { code, stdout } = await cleanUp();
    assert.equal(code, 0);
    assert.match(stdout, /^left alone, it is in use: table inet sshuttle-/m);
    assert.match(stdout, /^left alone, it is in use: chains sshuttle-\S+ of iptables$/m);
    assert.equal(await host.rules(), during);
    await nft.client.stop();
    await nat.client.stop();
    await nft.client.end();
    await nat.client.end();
    await assertRestored(before);
  });

  for (const wish of ["nft", "nat"] as const) {
    test(`the next start by ${wish} removes it, and says so`, async (t) => {
      await useIptables(host, "nft");
      const before = await host.rules();
      await crash(t);
      const client = standIn(t, wish);
      const { warnings } = await client.probe();
      assert.match(warnings.join("\n"), /removed what an earlier instance left: chains sshuttle-/);
      assert.equal(await host.rules(), before);
      await client.stop();
      await client.end();
    });
  }

  test("an nft table without owner, as kernels before 5.12 have it, is removed as well", async (t) => {
    const before = await host.rules();
    const client = standIn(t, "nft");
    const plan = await planFor(client, "10.0.0.0");
    await host.run(["node", `${PROJECT_IN_LAB}/dist/test/e2e/firewall/leave-table.js`, JSON.stringify(plan)]);
    assert.deepEqual(await dial(host, "10.0.0.1", PORT), { family: 4, address: "10.0.0.1", port: PORT });
    assert.match((await cleanUp()).stdout, /^removed table inet sshuttle-\S+\n$/);
    await client.end();
    await assertRestored(before);
  });
});

describe("failure in the middle", () => {
  test("method nat: a refused IPv6 transaction takes the IPv4 one back", async (t) => {
    await useIptables(host, "nft");
    await host.shell(USER_RULES);
    await host.shell(`printf '%s\\n' '#!/bin/sh' 'case "$*" in *--test*) exit 0;; esac' \\
        'echo no room >&2; exit 3' > /run/refuse; chmod 755 /run/refuse
      ln -sf /run/refuse /etc/alternatives/ip6tables-restore`);
    const before = await host.rules();
    const client = standIn(t, "nat");
    await client.probe();
    await assert.rejects(client.start(await planFor(client, "10.0.0.0")), (error) => {
      assert.ok(error instanceof Refused);
      assert.equal(error.code, "firewall-refused");
      assert.match(error.message, /Cannot apply the rules by ip6tables: no room/);
      return true;
    });
    // It has been told; there is nothing left to stop.
    await client.stop();
    await client.end();
    await assertRestored(before);
  });

  test("SIGKILL of the helper while a transaction is under way: what that makes is undone, too", async (t) => {
    await useIptables(host, "nft");
    await host.shell(`cat > /run/slow <<'END'
#!/bin/sh
case "$*" in *--test* | *--version*) exec /usr/sbin/ip6tables-nft-restore "$@" ;; esac
: > /run/slow-started
while [ ! -e /run/slow-go ]; do sleep 0.02; done
exec /usr/sbin/ip6tables-nft-restore "$@"
END
      chmod 755 /run/slow; ln -sf /run/slow /etc/alternatives/ip6tables-restore`);
    const before = await host.rules();
    const client = standIn(t, "nat");
    await client.probe();
    const starting = client.start(await planFor(client, "10.0.0.0"));
    await Promise.all([
      assert.rejects(starting, /firewall-helper-lost/),
      (async () => {
        const started = ["test", "-e", "/run/slow-started"] as const;
        await eventually("the transaction", async () =>
          (await host.run(started)).code === 0 ? true : undefined,
        );
        for (const pid of helpers()) process.kill(pid, "SIGKILL");
      })(),
    ]);
    // The watchdog waits for the transaction, so that it undoes the whole.
    assert.match(await host.rules(), /sshuttle-/);
    await host.shell(": > /run/slow-go");
    await client.end();
    await assertRestored(before);
  });

  test("an undo that is refused is told, and cleanup makes up for it", async (t) => {
    await useIptables(host, "nft");
    const before = await host.rules();
    const { client } = await startRules(t, "nat");
    await host.shell("ln -sf /bin/false /etc/alternatives/iptables-restore");
    await assert.rejects(client.stop(), (error) => {
      assert.ok(error instanceof Refused);
      assert.equal(error.code, "firewall-left-something");
      assert.match(error.message, /Cannot remove the rules by iptables/);
      return true;
    });
    await client.end();
    await useIptables(host, "nft");
    assert.equal((await cleanUp()).code, 0);
    await assertRestored(before);
  });

  test("method nat without ip6tables: one warning, and IPv4 is captured", async (t) => {
    await useIptables(host, "nft");
    await host.shell("ln -sf /bin/false /etc/alternatives/ip6tables-restore");
    const before = await host.rules();
    const client = standIn(t, "nat");
    const { families, warnings } = await client.probe();
    assert.deepEqual(families, [4]);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^IPv6 is not captured: /);
    const plan = await planFor(client, "10.0.0.0");
    await client.start({ ...plan, listeners: plan.listeners.filter(({ family }) => family === 4) });
    assert.notEqual(await dial(host, "10.0.0.1", PORT), "direct");
    await client.stop();
    await client.end();
    await assertRestored(before);
  });

  test("method nat without iptables says so, and changes nothing", async (t) => {
    await host.shell("rm /etc/alternatives/iptables-restore");
    const before = await host.shell("nft list ruleset");
    const client = standIn(t, "nat");
    await assert.rejects(client.probe(), (error) => {
      assert.ok(error instanceof Refused);
      assert.equal(error.code, "firewall-no-method");
      assert.match(error.message, /iptables cannot be used: spawn iptables-restore ENOENT/);
      return true;
    });
    await client.end();
    assert.equal(await host.shell("nft list ruleset"), before);
  });
});
