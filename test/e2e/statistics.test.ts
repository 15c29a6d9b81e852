/** What a tunnel says of its link: on SIGUSR1, at the end, and in the file of --stats-json. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import type { Lab } from "../lab/lab.ts";
import { eventually } from "../lab/lab-process.ts";
import { familyOf } from "../lab/process-table.ts";
import { PORT } from "../lab/services.ts";
import { assertDownload, assertUpload } from "../lab/transfer.ts";
import { startTunnel, stopTunnel, tunnelCommand, withTunnel } from "../lab/tunnel.ts";
import type { Sample } from "../../client/statistics/sample.ts";

const MIB = 1_048_576;
const DESTINATION = "10.1.2.3";
const CAPTURE = ["--method", "nft", "10.0.0.0/8"];

const lab: Lab = await createLab();
after(() => lab.close());

async function readSamples(file: string): Promise<Sample[]> {
  const lines = (await lab.client.shell(`cat ${file}`)).split("\n");
  assert.equal(lines.pop(), "", "the last line is whole");
  return lines.map((line) => JSON.parse(line) as Sample);
}

/** The block as text: each figure's name to its two cells. */
function figuresIn(said: string): Map<string, readonly [up: string, down: string]> {
  const rows = said.matchAll(/^sshuttle: {3}(\S.*?) {2,}(\S.*?) {2,}(\S.*)$/gm);
  return new Map([...rows].map(([, name = "", up = "", down = ""]) => [name, [up, down]]));
}

const DOWN_BYTES = 256 * MIB;

test("SIGUSR1 during a download prints figures of it at any verbosity, and opens no inspector", async () => {
  const [node, main, ...args] = tunnelCommand(lab, { args: CAPTURE });
  assert.ok(node !== undefined && main !== undefined);
  const quiet = args.filter((word) => word !== "-v");
  const tunnel = lab.client.start([node, main, ...quiet]);
  await tunnel.output(/^sshuttle: capturing /m);
  const transfer = assertDownload(lab.client, `http://${DESTINATION}/stream?bytes=${DOWN_BYTES}`, DOWN_BYTES);
  await eventually("the download is under way and told of", async () => {
    const said = tunnel.stderr.length;
    tunnel.kill("SIGUSR1");
    await eventually("a block", () => (/ in all, .*\n/.test(tunnel.stderr.slice(said)) ? true : undefined));
    // What is received is counted here and now, what is sent was counted there, a moment ago.
    const figures = figuresIn(tunnel.stderr.slice(said));
    const isUnderWay = ["received", "sent"].every((name) => figures.get(name)?.[1]?.endsWith(" MiB"));
    return isUnderWay ? true : undefined;
  });
  const block = tunnel.stderr.slice(tunnel.stderr.lastIndexOf("sshuttle: statistics after "));
  const figures = figuresIn(block);
  for (const name of ["rate, estimated", "least round trip", "in flight at most", "sent", "acknowledged"]) {
    const [up, down] = figures.get(name) ?? [];
    assert.match(`${up} ${down}`, /^\d[\d.]* \S+ \d[\d.]* \S+$/, block);
  }
  assert.match(figures.get("rate, estimated")?.[1] ?? "", /^[\d.]+ [MG]bit\/s$/);
  assert.match(figures.get("sent")?.[1] ?? "", / MiB$/);
  assert.match(figures.get("control")?.join(" ") ?? "", /^[a-z]+ [a-z]+$/);
  assert.match(block, /^sshuttle: {3}connections: 1 open, 1 opened in all, 0 reset$/m);
  await transfer;
  await stopTunnel(tunnel);
  assert.doesNotMatch(tunnel.said, /[Dd]ebugger/);
  assert.ok(tunnel.stderr.endsWith(block), "without -v nothing is said at the end");
});

test("SIGUSR1 before there is a link says so, and opens no inspector", async () => {
  const argv = tunnelCommand(lab, { args: ["-e", "sh -c 'exec sleep 100'", "--socks", "127.0.0.1:0"] });
  const tunnel = lab.client.start(argv);
  await tunnel.output(/proxy for SOCKS5/);
  tunnel.kill("SIGUSR1");
  await tunnel.output(/^sshuttle: no statistics: not connected yet$/m);
  await stopTunnel(tunnel);
  assert.doesNotMatch(tunnel.said, /[Dd]ebugger/);
  assert.doesNotMatch(tunnel.said, /statistics after/);
});

test("--stats-json has a sample of each second and one of the end, -v the latter as text; totals are what went through", async () => {
  const file = "/run/stats.json";
  const [down, up] = [64 * MIB, 32 * MIB];
  const startMs = performance.now();
  const args = ["--stats-json", file, ...CAPTURE];
  const tunnel = await startTunnel(lab, { args });
  await assertDownload(lab.client, `http://${DESTINATION}/stream?bytes=${down}`, down);
  await assertUpload(lab.client, `http://${DESTINATION}/sink`, up);
  const { error } = await lab.client.exchange({ address: DESTINATION, port: PORT.refused });
  assert.equal(error, "ECONNRESET");
  await eventually("two samples", async () => ((await readSamples(file)).length > 1 ? true : undefined));
  await stopTunnel(tunnel);
  const seconds = (performance.now() - startMs) / 1000;
  const samples = await readSamples(file);
  const last = samples.at(-1);
  assert.ok(last !== undefined && samples.length > 2 && samples.length < seconds + 1);
  assert.deepEqual([...new Set(samples.map(({ reason }) => reason))], ["interval", "exit"]);
  assert.equal(last.reason, "exit");
  assert.deepEqual(last.connections, { open: 0, opened: 3, resets: { refused: 1 } });
  // Headers and small frames are a thousandth of frames of 64 KiB, and more of small ones.
  for (const [{ sentBytes, ackedBytes, receivedBytes, queuedBytes }, bytes] of [
    [last.down, down],
    [last.up, up],
  ] as const) {
    for (const total of [sentBytes, ackedBytes, receivedBytes])
      assert.ok(total !== null && total >= bytes && total < 1.05 * bytes + MIB, `${total} of ${bytes}`);
    assert.equal(queuedBytes, 0);
  }
  const totals = samples.map((sample) => sample.down.receivedBytes ?? 0);
  assert.deepEqual(
    totals,
    totals.toSorted((a, b) => a - b),
  );
  const figures = figuresIn(tunnel.stderr);
  assert.match(figures.get("received")?.join(" ") ?? "", /^3\d\.\d MiB 6\d\.\d MiB$/);
  assert.match(tunnel.stderr, /^sshuttle: {3}connections: 0 open, 3 opened in all, 1 reset \(1 refused\)$/m);
});

test("an agent that is stopped holds up neither SIGUSR1 nor the end: its half is not known", async () => {
  const tunnel = await startTunnel(lab, { args: CAPTURE });
  const agents = familyOf(lab.sshd.pid).filter(({ command }) => command.includes("node"));
  assert.notEqual(agents.length, 0);
  for (const { pid } of agents) process.kill(pid, "SIGSTOP");
  tunnel.kill("SIGUSR1");
  await tunnel.output(/^sshuttle: {3}control +\w+ +not known$/m);
  await stopTunnel(tunnel);
  assert.equal(tunnel.stderr.match(/not known$/gm)?.length, 2, tunnel.stderr);
  for (const { pid } of agents) process.kill(pid, "SIGCONT");
});

test("a tunnel whose link is lost still says at the end what this half knows", async () => {
  const tunnel = await startTunnel(lab, { args: CAPTURE });
  await assertDownload(lab.client, `http://${DESTINATION}/stream?bytes=${MIB}`, MIB);
  for (const { pid, command } of familyOf(tunnel.pid))
    if (command.startsWith("ssh ")) process.kill(pid, "SIGKILL");
  const { code, stderr } = await tunnel.end();
  assert.equal(code, 75, stderr);
  assert.match(figuresIn(stderr).get("control")?.join(" ") ?? "", /^\w+ not known$/);
  assert.match(figuresIn(stderr).get("received")?.join(" ") ?? "", /^- 1\.\d+ MiB$/);
});

test("--no-agent: totals and connections, and no word of a link that is not ours", async () => {
  await withTunnel(lab, { args: ["--no-agent", ...CAPTURE] }, async (tunnel) => {
    await assertDownload(lab.client, `http://${DESTINATION}/stream?bytes=${MIB}`, MIB);
    tunnel.kill("SIGUSR1");
    await tunnel.output(/opened in all/);
    const figures = figuresIn(tunnel.stderr);
    for (const name of ["rate, estimated", "least round trip", "in flight", "in flight at most"])
      assert.deepEqual(figures.get(name), ["-", "-"], name);
    assert.deepEqual(figures.get("control"), ["none", "none"]);
    assert.match(figures.get("received")?.[1] ?? "", /^1\.\d+ MiB$/);
  });
});

test("the ssh2 transport's link is ours as well", async () => {
  const file = "/run/stats-ssh2.json";
  const main = tunnelCommand(lab, { args: [] })[1] ?? "";
  const config = ["--transport", "ssh2", "--ssh-config", lab.sshConfig, "--stats-json", file];
  const tunnel = lab.client.start(["node", main, "-r", "server", "-v", ...config, ...CAPTURE]);
  await tunnel.output(/^sshuttle: capturing /m);
  await assertDownload(lab.client, `http://${DESTINATION}/stream?bytes=${MIB}`, MIB);
  await stopTunnel(tunnel);
  const last = (await readSamples(file)).at(-1);
  assert.ok((last?.down.sentBytes ?? 0) >= MIB && (last?.down.minRttMs ?? 0) > 0, JSON.stringify(last));
});
