/** A slice of `npm run soak:channels`, which does the same with more of everything. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { judgeFew, judgeOpen, judgeStalled } from "../../bench/channel-verdict.ts";
import type { Finding } from "../../bench/channel-verdict.ts";
import { ENDS, fewDescriptors, openAtOnce, stalledReaders } from "../../bench/channels.ts";
import { createLab } from "../lab/lab.ts";

const FEW_DESCRIPTORS = 150;

const lab = await createLab();
after(() => lab.close());

function assertHolds(findings: readonly Finding[]): void {
  const failed = findings.filter(({ holds }) => !holds).map(({ text }) => text);
  assert.deepEqual(failed, []);
}

test("1,000 connections are open at once and echo, none is lost, and everything is given back", async () => {
  const settings = {
    intake: "socks",
    count: 1000,
    forMs: 20_000,
    everyMs: 2000,
    giveBackMs: 10_000,
  } as const;
  assertHolds(judgeOpen(await openAtOnce(lab, settings), settings));
});

for (const intake of ["socks", "nft"] as const) {
  for (const end of ENDS) {
    test(`${intake}: without a descriptor on the ${end} a connection is refused, and the others live`, async () => {
      assertHolds(judgeFew(await fewDescriptors(lab, intake, end, FEW_DESCRIPTORS), FEW_DESCRIPTORS));
    });
  }
}

for (const direction of ["down", "up"] as const) {
  test(`${direction}: 20 keep their rate beside 20 whose bytes nobody takes, and memory is bounded`, async () => {
    const settings = { direction, stalled: 20, workers: 20, forMs: 5000 } as const;
    assertHolds(judgeStalled(await stalledReaders(lab, settings), settings));
  });
}
