/** The emulated link is what it says it is, by ping and iperf3: every figure measured over it stands on this. */
import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
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

interface Pinged {
  /** Round trips in ms, sorted. */
  readonly times: readonly number[];
  readonly sent: number;
  /** Of those that came back. */
  readonly numbers: readonly number[];
}

async function ping(count: number, options: string = ""): Promise<Pinged> {
  const output = await lab.client.shell(`ping -c ${count} -i 0.02 ${options} ${LINK_SERVER} || true`);
  const numbers = [...output.matchAll(/icmp_seq=(\d+) ttl/g)].map(([, number]) => Number(number));
  const times = [...output.matchAll(/time=([\d.]+) ms/g)].map(([, ms]) => Number(ms));
  return { times: times.toSorted((a, b) => a - b), sent: count, numbers };
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

// Before the others: what TCP has left behind would be counted as well.
test("with the same seed the same packets are lost", async () => {
  const arrived = async (seed: number): Promise<readonly number[]> => {
    let numbers: readonly number[] = [];
    await withLink({ rttMs: 2, mbitPerS: 100, queueBdp: 10, loss: 0.2, seed }, async () => {
      ({ numbers } = await ping(100, "-W 1"));
    });
    return numbers;
  };
  const first = await arrived(1);
  assert.deepEqual(await arrived(1), first);
  assert.notDeepEqual(await arrived(2), first);
});

test("an idle link takes its round trip, to 2 ms", async () => {
  for (const rttMs of [1, 40, 200]) {
    await withLink({ rttMs, mbitPerS: 50, queueBdp: 1 }, async () => {
      const { times, sent } = await ping(30);
      assert.equal(times.length, sent);
      assert.ok(median(times) >= rttMs && median(times) < rttMs + 2, `${median(times)} ms of ${rttMs}`);
    });
  }
});

test("TCP fills it up to its rate and no further, both ways, slow and quick", async () => {
  for (const [mbitPerS, options] of [
    [10, ""],
    [50, ""],
    [50, "-R"],
    [200, "-R"],
  ] as const) {
    await withLink({ rttMs: 20, mbitPerS, queueBdp: 2, congestion: "cubic" }, async () => {
      const mbit = await iperf(3, options);
      assert.ok(mbit > 0.86 * mbitPerS && mbit < mbitPerS, `${mbit} Mbit/s of ${mbitPerS}`);
    });
  }
});

test("without a limit it carries gigabits, and what goes beside them is on time", async () => {
  await withLink({ rttMs: 10, mbitPerS: Infinity, queueBdp: 1, congestion: "cubic" }, async (link) => {
    const [mbit, { times }] = await Promise.all([iperf(3), ping(200)]);
    assert.ok(mbit > 1000, `${mbit} Mbit/s`);
    assert.ok(median(times) >= 10 && median(times) < 13, `${median(times)} ms of 10`);
    assert.throws(() => link.set({ rttMs: 10, mbitPerS: 50, queueBdp: 1 }), RangeError);
  });
});

test("it is on time however busy the programs of the machine are", async () => {
  const busy = Array.from({ length: 2 * availableParallelism() }, () =>
    lab.target.start(["sh", "-c", "while :; do :; done"]),
  );
  try {
    await withLink({ rttMs: 40, mbitPerS: 50, queueBdp: 1 }, async () => {
      const { times, sent } = await ping(100);
      const most = times[Math.floor(0.95 * sent)] ?? NaN;
      assert.ok(most < 42, `${most} ms of 40 at the 95th percentile`);
    });
  } finally {
    for (const child of busy) child.kill("SIGKILL");
    await Promise.all(busy.map((child) => child.end()));
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
