/** The grid of cells, measured: slow links several at a time, each in a lab of its own, fast ones alone. */
import { measureCell } from "./link.ts";
import type { Figures, Timing } from "./link.ts";
import { createLinkBed } from "./link-bed.ts";
import type { Congestion, LinkBed } from "./link-bed.ts";
import { cellName, cellsOf, measuredAs } from "./link-cells.ts";
import type { GridSlice, LinkCell } from "./link-cells.ts";
import type { ResultStore } from "./link-results.ts";
import { slower } from "./bulk.ts";
import type { PeerDefinition } from "./peers.ts";

export interface GridSettings {
  readonly congestion: Congestion;
  readonly slice: GridSlice;
  readonly peers: readonly PeerDefinition[];
  readonly timing: Timing;
  readonly rounds: number;
  /** Cells side by side, whatever their rate. */
  readonly jobs: number | undefined;
  readonly log: (line: string) => void;
}

/** Mbit/s up to which so many cells leave each other in peace on two cores. */
const SIDE_BY_SIDE = [
  { mbitPerS: 10, jobs: 4 },
  { mbitPerS: 50, jobs: 2 },
  { mbitPerS: Infinity, jobs: 1 },
] as const;

/** Measures what `store` does not have yet. */
export async function measureGrid(settings: GridSettings, store: ResultStore): Promise<void> {
  const named = new Map(
    cellsOf(settings.slice).map((cell) => [cellName(measuredAs(cell)), measuredAs(cell)] as const),
  );
  const tasks = [...named].flatMap(([name, cell]) => {
    const missing = Array.from({ length: settings.rounds }, (_, index) => index + 1).flatMap((round) =>
      settings.peers.flatMap((peer) =>
        store.has({ cell: name, peer: peer.name, round }) ? [] : [{ peer, round }],
      ),
    );
    return missing.length === 0 ? [] : [{ name, cell, missing }];
  });
  const total = tasks.reduce((sum, { missing }) => sum + missing.length, 0);
  let done = 0;
  const beds = new BedPool(settings.congestion);
  try {
    for (const [jobs, group] of groupsOf(tasks, settings.jobs)) {
      await inParallel(group, jobs, async ({ name, cell, missing }) => {
        for (const { peer, round } of missing) {
          const outcome = await measureOne(beds, peer, cell, round, settings.timing);
          store.add({ cell: name, peer: peer.name, round, ...outcome });
          done += 1;
          settings.log(`${done}/${total} ${name}: ${peer.name}: ${describe(outcome)}`);
        }
      });
    }
  } finally {
    await beds.close();
  }
}

type Outcome = { readonly figures: Figures } | { readonly error: string };

interface Task {
  readonly name: string;
  readonly cell: LinkCell;
  readonly missing: readonly { readonly peer: PeerDefinition; readonly round: number }[];
}

function groupsOf(tasks: readonly Task[], jobs: number | undefined): [jobs: number, tasks: Task[]][] {
  if (jobs !== undefined) return [[jobs, [...tasks]]];
  const limits = SIDE_BY_SIDE.map(({ mbitPerS }) => mbitPerS);
  return SIDE_BY_SIDE.map((group, index) => [
    group.jobs,
    tasks.filter(({ cell }) => cell.mbitPerS <= group.mbitPerS && cell.mbitPerS > (limits[index - 1] ?? 0)),
  ]);
}

/** What cannot be measured is a result as well; the lab it happened in is not used again. */
async function measureOne(
  beds: BedPool,
  peer: PeerDefinition,
  cell: LinkCell,
  round: number,
  timing: Timing,
): Promise<Outcome> {
  const bed = await beds.take();
  try {
    const figures = await measureCell(bed, peer, cell, timing, round);
    beds.giveBack(bed);
    return { figures };
  } catch (error) {
    await bed.close();
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function describe(outcome: Outcome): string {
  if ("error" in outcome) return outcome.error.split("\n")[0] ?? "";
  const { rates, echo } = outcome.figures;
  return `${slower(rates).toFixed(1)} Mbit/s, echo p95 ${echo.p95Ms.toFixed(1)} ms`;
}

/** Labs that are in use by nobody are used again. */
class BedPool {
  private readonly congestion: Congestion;
  private readonly idle: LinkBed[] = [];

  constructor(congestion: Congestion) {
    this.congestion = congestion;
  }

  async take(): Promise<LinkBed> {
    return this.idle.pop() ?? (await createLinkBed(this.congestion));
  }

  giveBack(bed: LinkBed): void {
    this.idle.push(bed);
  }

  async close(): Promise<void> {
    await Promise.all(this.idle.splice(0).map((bed) => bed.close()));
  }
}

async function inParallel<T>(
  items: readonly T[],
  width: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await run(item);
    }),
  );
}
