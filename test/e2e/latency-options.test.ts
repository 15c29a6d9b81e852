/** sshuttle's own options on latency, each by its effect over a link of 40 ms with a long queue. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { EmulatedLink } from "../lab/emulated-link.ts";
import { createLab } from "../lab/lab.ts";
import type { LabProcess } from "../lab/lab-process.ts";
import { PORT } from "../lab/services.ts";
import { withTunnel } from "../lab/tunnel.ts";

const RTT_MS = 40;
const MBIT_PER_S = 50;
/** The queue takes 400 ms: what is in flight without control, 335 ms of this link, stands in it. */
const LINK = { rttMs: RTT_MS, mbitPerS: MBIT_PER_S, queueBdp: 10, congestion: "cubic" } as const;
const BUFFER_BYTES = 32_768;
const DESTINATION = "10.1.2.3";
const DIRECTIONS = ["down", "up"] as const;
type Direction = (typeof DIRECTIONS)[number];

/** A bulk transfer of this age has filled what it may fill; then echoes are timed for a while. */
const WARMUP_MS = 3000;
const ECHOES = 15;
/** One alone would be held back by its window before it has filled the flight. */
const BULKS = 4;

const lab = await createLab();
let link: EmulatedLink;
before(async () => void (link = await EmulatedLink.open(lab, LINK)));
after(async () => {
  await link.close();
  await lab.close();
});

function withOption(option: readonly string[], use: () => Promise<void>): Promise<void> {
  const args = ["--method", "nft", "10.0.0.0/8", ...option];
  return withTunnel(lab, { args, remote: "server-by-link" }, use);
}

/** A transfer by curl, which prints its rate in bytes per second. */
function startTransfer(direction: Direction, bytes: number): LabProcess {
  const curl = `curl --silent --show-error --output /dev/null --write-out '%{speed_download} %{speed_upload}'`;
  const script =
    direction === "down"
      ? `${curl} 'http://${DESTINATION}/stream?bytes=${bytes}'`
      : `head -c ${bytes} /dev/zero | ${curl} --upload-file - http://${DESTINATION}/sink`;
  return lab.client.start(["sh", "-c", `exec 2>&1; ${script}`], { detached: true });
}

/** Median of a byte's way there and back on a connection of its own, which costs one round trip, ms. */
async function echoBeside(direction: Direction): Promise<number> {
  const bulks = Array.from({ length: BULKS }, () => startTransfer(direction, 1e9));
  try {
    await sleep(WARMUP_MS);
    const times: number[] = [];
    while (times.length < ECHOES) {
      const startMs = performance.now();
      const { error } = await lab.client.exchange({
        address: DESTINATION,
        port: PORT.echo,
        send: "x",
        receiveBytes: 1,
      });
      assert.equal(error, undefined);
      times.push(performance.now() - startMs);
    }
    return times.toSorted((a, b) => a - b)[ECHOES >> 1] ?? Number.NaN;
  } finally {
    for (const bulk of bulks) bulk.killGroup("SIGKILL");
    await Promise.all(bulks.map((bulk) => bulk.end()));
  }
}

for (const direction of DIRECTIONS) {
  describe(`a bulk transfer ${direction}`, () => {
    test("leaves a key stroke its round trip under link control, and stands before it with --no-latency-control", async () => {
      let controlled = Number.NaN;
      await withOption([], async () => void (controlled = await echoBeside(direction)));
      assert.ok(controlled < 2.5 * RTT_MS, `${controlled} ms with link control`);
      await withOption(["--no-latency-control"], async () => {
        const uncontrolled = await echoBeside(direction);
        assert.ok(uncontrolled > 4 * RTT_MS, `${uncontrolled} ms without, ${controlled} ms with`);
      });
    });

    test("takes a round trip for each buffer with --latency-buffer-size", async () => {
      const most = (BUFFER_BYTES / RTT_MS) * 1000;
      await withOption(["--latency-buffer-size", String(BUFFER_BYTES)], async () => {
        const { stdout } = await startTransfer(direction, 2 * most).end();
        const rate = Math.max(...stdout.split(" ").map(Number));
        assert.ok(rate > 0.6 * most && rate < most, `${rate} bytes/s of ${most}, far below the link's`);
      });
    });
  });
}
