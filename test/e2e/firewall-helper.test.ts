/** The privileged helper: how it is started by a user without rights, and what it makes of bad requests. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import type { TestContext } from "node:test";
import type { Plan } from "../../client/firewall/plan.ts";
import { encodeProbe, encodeStart } from "../../client/firewall/request.ts";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import { createLab } from "../lab/lab.ts";
import { eventually } from "../lab/lab-process.ts";
import type { LabProcess } from "../lab/lab-process.ts";
import { WHOAMI_PORTS } from "../lab/services.ts";
import { dial, Refused, StandIn } from "./firewall/stand-in.ts";

const lab = await createLab({ direct: true });
after(() => lab.close());
const { client: host } = lab;
const PORT = WHOAMI_PORTS[0] ?? 0;
const PASSWORD = "correct horse";

/** A directory of its own for each way to become root, so that PATH says which there is. */
await host.shell(`mkdir /run/has-sudo /run/has-doas
  ln -s /usr/bin/sudo /run/has-sudo/sudo
  ln -s /usr/bin/doas /run/has-doas/doas
  echo 'labuser:${PASSWORD}' | chpasswd`);
/** A user without rights, with these directories for PATH. */
function user(...directories: readonly string[]): { unprivileged: true; via: readonly string[] } {
  return { unprivileged: true, via: ["env", `PATH=${["/run/bin", ...directories].join(":")}`] };
}

async function sudoers(...lines: readonly string[]): Promise<void> {
  const text = ["Defaults use_pty", ...lines, ""].join("\n");
  await host.run(["sh", "-c", "cat > /etc/sudoers.d/lab && chmod 440 /etc/sudoers.d/lab"], { input: text });
}

beforeEach(() => sudoers("labuser ALL=(ALL) NOPASSWD: ALL"));

function planWith(port: number): Plan {
  return {
    listeners: [{ family: 4, address: "127.0.0.1", port }],
    includes: [{ family: 4, address: "10.0.0.0", prefix: 8 }],
    excludes: [],
    ownConnections: [],
    sources: "local",
  };
}

/** Starts, captures, stops, and finds everything as before. */
async function assertWorks(client: StandIn): Promise<void> {
  const before = await host.rules();
  await client.probe();
  await client.start(planWith(await client.listen("127.0.0.1")));
  assert.notEqual(await dial(host, "10.0.0.1", PORT), "direct");
  await client.stop();
  await client.end();
  assert.equal(await host.rules(), before);
}

async function assertRefused(client: StandIn, code: string, message: RegExp): Promise<void> {
  await assert.rejects(client.probe(), (error) => {
    assert.ok(error instanceof Refused);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
  await client.end();
}

function standIn(t: TestContext, options: ConstructorParameters<typeof StandIn>[3]): StandIn {
  const client = new StandIn(host, "helper", "auto", options);
  t.after(() => client.process.kill("SIGKILL"));
  return client;
}

describe("a user without rights", () => {
  test("gets the helper by sudo with use_pty and without a password", async (t) => {
    await assertWorks(standIn(t, user("/run/has-sudo")));
  });

  test("gets the helper by doas where there is no sudo", async (t) => {
    await assertWorks(standIn(t, user("/run/has-doas")));
  });

  test("gets the helper by a sudo that writes banners on stdout and stderr and closes descriptors", async (t) => {
    await host.shell(`mkdir -p /run/has-banner
      printf '%s\\n' '#!/bin/sh' 'echo "This host is watched."' 'echo "hello 1 0000" >&2' \\
        'exec /usr/bin/sudo -C 3 "$@" 3>&- 4>&-' > /run/has-banner/sudo
      chmod 755 /run/has-banner/sudo`);
    await sudoers("Defaults closefrom_override", "labuser ALL=(ALL) NOPASSWD: ALL");
    await assertWorks(standIn(t, user("/run/has-banner", "/bin")));
  });

  test("is asked for the password on the terminal, however long that takes", async (t) => {
    await sudoers("Defaults lecture=always", "labuser ALL=(ALL) ALL");
    // Commands come by a pipe: nobody but sudo may read the terminal.
    const node = `node ${PROJECT_IN_LAB}/dist/test/e2e/firewall/client-stand-in.js helper nft`;
    const command = `(echo '{"kind":"probe"}'; exec sleep 60) | env PATH=/run/bin:/run/has-sudo ${node}`;
    const terminal = host.start(["script", "-qec", command, "/dev/null"], { unprivileged: true });
    t.after(() => terminal.kill("SIGKILL"));
    await terminal.output(/password for labuser, to change the firewall: /);
    terminal.stdin.write(`${PASSWORD}\n`);
    await terminal.output(/"result":\{"method":"nft"/);
    // The terminal is the client's still: Ctrl-C reaches it, and it alone decides what to do.
    terminal.stdin.write("\u0003");
    await terminal.end();
    await eventually("no helper left", () =>
      host.processes().some(({ command: line }) => line.includes("firewall-helper")) ? undefined : true,
    );
  });

  test("is told so if sudo refuses", async (t) => {
    await sudoers("labuser ALL=(ALL) ALL");
    await assertRefused(standIn(t, user("/run/has-sudo")), "firewall-no-permission", /sudo ended with 1/);
  });

  test("is told so where there is neither sudo nor doas", async (t) => {
    const client = standIn(t, user());
    await assertRefused(client, "firewall-no-permission", /neither sudo nor doas/);
  });

  test("is told so by a helper that is not root after all", async (t) => {
    await host.shell(`mkdir -p /run/no-root
      printf '%s\\n' '#!/bin/sh' 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"' > /run/no-root/sudo
      chmod 755 /run/no-root/sudo`);
    const client = standIn(t, user("/run/no-root", "/bin"));
    await assertRefused(client, "firewall-no-permission", /the helper is not root/);
  });

  test("is rid of the helper and its rules when SIGKILL takes the client, sudo or not", async (t) => {
    const before = await host.rules();
    const client = standIn(t, user("/run/has-sudo"));
    await client.probe();
    await client.start(planWith(await client.listen("127.0.0.1")));
    assert.notEqual(await host.rules(), before);
    client.process.kill("SIGKILL");
    await client.process.end();
    await eventually("no helper left", () =>
      host.processes().some(({ command }) => command.includes("firewall-helper")) ? undefined : true,
    );
    assert.equal(await host.rules(), before);
  });
});

/** A helper whose client is the test itself. */
async function helper(t: TestContext): Promise<{ socket: Socket; process: LabProcess; said: () => string }> {
  const path = join(lab.directory, "helper-socket");
  const server = createServer().listen(path);
  t.after(() => {
    server.close();
    rmSync(path, { force: true });
  });
  await once(server, "listening");
  const main = `${PROJECT_IN_LAB}/dist/test/e2e/firewall/helper-main.js`;
  const child = host.start(["node", main, "firewall-helper", path, "nonce"]);
  t.after(() => child.kill("SIGKILL"));
  const [socket] = (await once(server, "connection")) as [Socket];
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return { socket, process: child, said: () => text };
}

describe("a helper whose requests are bad", () => {
  const START = encodeProbe("nft") + encodeStart(planWith(12_300));

  for (const [what, bad] of [
    ["a line that is not in the grammar", "reboot now\n"],
    ["a second start", encodeStart(planWith(12_301))],
    ["a line without end", "x".repeat(5000)],
    ["bytes that are no text", "\u0000\u0001\n"],
    ["an address with a command in it", "own 4 10.0.0.1;reboot 22\n"],
  ] as const) {
    test(`${what}: it says so, undoes its rules, and ends`, async (t) => {
      const before = await host.rules();
      const { socket, process: child, said } = await helper(t);
      socket.write(START);
      await eventually("started", () => (said().includes("started\n") ? true : undefined));
      assert.notEqual(await host.rules(), before);
      socket.write(bad);
      const { code } = await child.end();
      assert.equal(code, 76);
      assert.match(said(), /^error firewall-request "/m);
      assert.equal(await host.rules(), before);
    });
  }

  test("an end in the middle of a plan leaves nothing", async (t) => {
    const before = await host.rules();
    const { socket, process: child, said } = await helper(t);
    socket.end(START.slice(0, -3));
    assert.equal((await child.end()).code, 0);
    assert.doesNotMatch(said(), /^started$/m);
    assert.match(said(), /^stopped$/m);
    assert.equal(await host.rules(), before);
  });

  test("everything at once and then the end: it starts, stops, and leaves nothing", async (t) => {
    const before = await host.rules();
    const { socket, process: child, said } = await helper(t);
    socket.end(START);
    assert.equal((await child.end()).code, 0);
    assert.match(said(), /^started\nstopped$/m);
    assert.equal(await host.rules(), before);
  });

  test("it shows the number that it was given", async (t) => {
    const { socket, process: child, said } = await helper(t);
    socket.end();
    await child.end();
    assert.match(said(), /^hello 1 nonce$/m);
  });
});
