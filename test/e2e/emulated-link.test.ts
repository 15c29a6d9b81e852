/** The emulated link is what it says it is, by ping and iperf3: every figure measured over it stands on this. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import { EmulatedLink } from "../lab/emulated-link.ts";
import type { LinkSettings } from "../lab/emulated-link.ts";
import { LINK_SERVER } from "../lab/layout.ts";

const lab = await createLab();
after(() => lab.close());

async function withLink(settings: LinkSettings, use: (link: EmulatedLink) => Promise<void>): Promise<void> {
  const link = await EmulatedLink.open(lab, settings);
  try {
    await use(link);
  } finally {
    await link.close();
  }
}

/** Round trips in ms, sorted, and packets sent. */
async function ping(count: number, options: string = ""): Promise<{ times: number[]; sent: number }> {
  const output = await lab.client.shell(`ping -c ${count} -i 0.02 ${options} ${LINK_SERVER} || true`);
  const times = [...output.matchAll(/time=([\d.]+) ms/g)].map(([, ms]) => Number(ms));
  return { times: times.toSorted((a, b) => a - b), sent: count };
}

const median = (values: readonly number[]): number => values[values.length >> 1] ?? NaN;

/** Mbit/s that arrived, by the receiver's own count. */
async function iperf(seconds: number, options: string = ""): Promise<number> {
  const server = lab.server.start(["iperf3", "-s", "-1", "--forceflush"]);
  await server.output(/Server listening/);
  const text = await lab.client.shell(`iperf3 -J -O 2 -t ${seconds} ${options} -c ${LINK_SERVER}`);
  await server.end();
  const result = JSON.parse(text) as { end: { sum_received: { bits_per_second: number } } };
  return result.end.sum_received.bits_per_second / 1e6;
}

test("an idle link takes its round trip, to 2 ms", async () => {
  for (const rttMs of [1, 40, 200]) {
    await withLink({ rttMs, mbitPerS: 50, queueBdp: 1 }, async () => {
      const { times, sent } = await ping(30);
      assert.equal(times.length, sent);
      assert.ok(median(times) >= rttMs && median(times) < rttMs + 2, `${median(times)} ms of ${rttMs}`);
    });
  }
});

test("TCP fills it up to its rate and no further, both ways", async () => {
  for (const options of ["", "-R"]) {
    await withLink({ rttMs: 20, mbitPerS: 50, queueBdp: 2, congestion: "cubic" }, async () => {
      const mbit = await iperf(3, options);
      assert.ok(mbit > 43 && mbit < 50, `${mbit} Mbit/s of 50`);
    });
  }
});

test("the queue is as long as it says: cubic fills it, and a packet waits for as long", async () => {
  await withLink({ rttMs: 20, mbitPerS: 20, queueBdp: 5, congestion: "cubic" }, async () => {
    const [, { times }] = await Promise.all([iperf(4), ping(200)]);
    const longest = times.at(-1) ?? NaN;
    assert.ok(longest > 60 && longest < 20 + 5 * 20 + 10, `${longest} ms`);
  });
});

test("loss is what it says, and what is on its way when the link changes still arrives", async () => {
  await withLink({ rttMs: 2, mbitPerS: 100, queueBdp: 10, loss: 0.2 }, async (link) => {
    const { times, sent } = await ping(300, "-W 1");
    // Both ways: 0.8 squared. Five standard deviations.
    const arrived = times.length / sent;
    assert.ok(Math.abs(arrived - 0.64) < 5 * Math.sqrt((0.64 * 0.36) / sent), `${arrived} arrived`);
    link.set({ rttMs: 60, mbitPerS: 100, queueBdp: 10 });
    const later = await ping(20);
    assert.equal(later.times.length, 20);
    assert.ok(median(later.times) >= 60 && median(later.times) < 62, `${median(later.times)} ms`);
  });
});
