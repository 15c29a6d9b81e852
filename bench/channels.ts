/**
 * Many connections through one real tunnel, in a lab: 10,000 that are open at once, some for which there is no descriptor,
 * and 100 that nobody reads beside 100 that work. Each function measures and judges nothing.
 */
import { EmulatedLink } from "../test/lab/emulated-link.ts";
import type { LinkSettings } from "../test/lab/emulated-link.ts";
import type { Lab } from "../test/lab/lab.ts";
import { eventually } from "../test/lab/lab-process.ts";
import { addressOf } from "../test/lab/layout.ts";
import { PORT } from "../test/lab/services.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { ChannelBed } from "./channel-bed.ts";
import type { BothEnds, ChannelBedSettings, EndFigures, Intake } from "./channel-bed.ts";
import type { Counted, Echoed, Opened } from "./channel-load.ts";

export const ENDS = ["client", "agent"] as const;
export type PerEnd = Readonly<Record<(typeof ENDS)[number], number>>;

async function withBed<T>(
  lab: Lab,
  settings: ChannelBedSettings,
  use: (bed: ChannelBed) => Promise<T>,
): Promise<T> {
  const bed = await ChannelBed.start(lab, settings);
  try {
    const result = await use(bed);
    await bed.close();
    return result;
  } finally {
    await bed.clear();
  }
}

const between = (before: BothEnds, after: BothEnds, get: (end: EndFigures) => number): PerEnd => ({
  client: get(after.client) - get(before.client),
  agent: get(after.agent) - get(before.agent),
});

const residentBytes = (end: EndFigures): number => end.residentBytes;
const descriptors = (end: EndFigures): number => end.descriptors;

export interface OpenAtOnceSettings {
  readonly intake: Intake;
  readonly count: number;
  /** How long they are open and echo, and how often each of them. */
  readonly forMs: number;
  readonly everyMs: number;
  /** How long memory is waited for that is to be given back. */
  readonly giveBackMs: number;
}

export interface OpenAtOnce {
  readonly opened: Opened;
  readonly echoed: Echoed;
  /** Resident memory of all connections: before they have echoed anything, and after. */
  readonly idleBytes: PerEnd;
  readonly usedBytes: PerEnd;
  /** What is left of that, and of their descriptors, when all have been closed. */
  readonly leftBytes: PerEnd;
  readonly leftDescriptors: PerEnd;
  /** And of as many that are opened again, all that is taken. */
  readonly againBytes: PerEnd;
}

/** Before anything is measured, what a process loads and compiles once is there. */
const WARM_UP = { count: 200, forMs: 2000, everyMs: 500 } as const;
/** The collectors of both ends have been at work by then. */
const SETTLE_MS = 5000;
/** This share of what was taken may be kept by the allocators; then memory is waited for no longer. */
export const KEPT_SHARE = 0.25;

/** So many connections, each of which echoes now and then; then all are closed, and opened and closed again. */
export function openAtOnce(lab: Lab, settings: OpenAtOnceSettings): Promise<OpenAtOnce> {
  const { intake, count, forMs, everyMs, giveBackMs } = settings;
  const port = PORT.echo;
  return withBed(lab, { intake }, async (bed) => {
    await bed.does({ does: "open", count: WARM_UP.count, port, use: "echo" });
    await bed.does({ does: "echo", forMs: WARM_UP.forMs, everyMs: WARM_UP.everyMs });
    await bed.does({ does: "close" });
    await sleep(SETTLE_MS);
    const before = bed.figures();

    const opened = await bed.does<Opened>({ does: "open", count, port, use: "echo" });
    await sleep(SETTLE_MS);
    const idle = bed.figures();
    const echoed = await bed.does<Echoed>({ does: "echo", forMs, everyMs });
    const used = bed.figures();
    const closed = await closeAll(bed, before, used, giveBackMs);

    await bed.does({ does: "open", count, port, use: "echo" });
    await sleep(SETTLE_MS);
    const again = bed.figures();
    await bed.does({ does: "close" });
    return {
      opened,
      echoed,
      idleBytes: between(before, idle, residentBytes),
      usedBytes: between(before, used, residentBytes),
      leftBytes: between(before, closed, residentBytes),
      leftDescriptors: between(before, closed, descriptors),
      againBytes: between(before, again, residentBytes),
    };
  });
}

/** Closes all, and waits for descriptors and memory to be given back, for as long as there is hope. */
async function closeAll(
  bed: ChannelBed,
  before: BothEnds,
  used: BothEnds,
  giveBackMs: number,
): Promise<BothEnds> {
  await bed.does({ does: "close" });
  const taken = between(before, used, residentBytes);
  let now = bed.figures();
  const look = (): true | undefined => {
    now = bed.figures();
    const [left, open] = [between(before, now, residentBytes), between(before, now, descriptors)];
    return ENDS.every((end) => open[end] <= 0 && left[end] <= KEPT_SHARE * taken[end]) ? true : undefined;
  };
  await eventually("everything is given back", look, giveBackMs).catch(() => undefined);
  return now;
}

export interface FewDescriptors {
  readonly opened: Opened;
  readonly echoed: Echoed;
  /** After all were closed, of as many as had been opened before. */
  readonly again: Opened;
}

/** Asks for more connections than one end has descriptors for. */
export function fewDescriptors(
  lab: Lab,
  intake: Intake,
  end: "client" | "agent",
  limit: number,
): Promise<FewDescriptors> {
  const settings = end === "client" ? { clientDescriptors: limit } : { agentDescriptors: limit };
  const port = PORT.echo;
  return withBed(lab, { intake, ...settings }, async (bed) => {
    const opened = await bed.does<Opened>({ does: "open", count: 2 * limit, port, use: "echo" });
    const echoed = await bed.does<Echoed>({ does: "echo", forMs: 2000, everyMs: 500 });
    await bed.does({ does: "close" });
    await sleep(1000);
    const again = await bed.does<Opened>({
      does: "open",
      count: Math.floor(opened.opened / 2),
      port,
      use: "echo",
    });
    return { opened, echoed, again };
  });
}

export interface StalledSettings {
  /** Which way the bytes go that nobody takes. */
  readonly direction: "down" | "up";
  readonly stalled: number;
  readonly workers: number;
  /** Of each of the two measurements. */
  readonly forMs: number;
}

export interface Rate {
  readonly bytesPerS: number;
  /** Of the connection that got the least. */
  readonly leastBytesPerS: number;
}

export interface Stalled {
  readonly alone: Rate;
  readonly beside: Rate;
  /** Connections that have ended; none should. */
  readonly lost: number;
  /** What the stalled ones made of each end. */
  readonly grownBytes: PerEnd;
}

/** What is measured is not to be what the machine can do beside other things. */
const STALL_LINK: LinkSettings = { rttMs: 40, mbitPerS: 100, queueBdp: 2 };
/** Until link control has the measure of the link. */
const LINK_MS = 8000;
/**
 * Buffers of a connection in the kernels on its way, at most, bytes: enough for the link, of which these are three times what
 * it holds. With the usual ones (4 MB to send, 6 MB and more to receive) a hundred that stall make the machine short of memory
 * for TCP (net.ipv4.tcp_mem), and then it is the kernel that holds up all the others.
 */
const KERNEL_BYTES = 1_500_000;
/**
 * Until those are full a connection does not stall, and has its share of the link. The time has come when the others have
 * theirs again, or else never.
 */
const FILLED_SHARE = 0.95;
const FILL_STEP_MS = 3000;
const FILL_MS = 180_000;

/** The rate of those that work, alone and beside those that nobody reads. */
export async function stalledReaders(lab: Lab, settings: StalledSettings): Promise<Stalled> {
  const { direction, stalled, workers, forMs } = settings;
  const isDown = direction === "down";
  for (const host of [lab.client, lab.server, lab.target]) {
    await host.shell(
      `echo 4096 16384 ${KERNEL_BYTES} > /proc/sys/net/ipv4/tcp_wmem; echo 4096 131072 ${2 * KERNEL_BYTES} > /proc/sys/net/ipv4/tcp_rmem`,
    );
  }
  const link = await EmulatedLink.open(lab, STALL_LINK);
  try {
    return await withBed(lab, { intake: "socks", remote: "server-by-link" }, async (bed) => {
      const count = async (): Promise<readonly number[]> =>
        isDown ? (await bed.does<Counted>({ does: "count" })).bytes : await swallowed(lab);
      const rate = async (ms: number): Promise<Rate> => {
        const [startMs, before] = [performance.now(), await count()];
        await sleep(ms);
        const [endMs, after] = [performance.now(), await count()];
        const rates = after.map((bytes, i) => ((bytes - (before[i] ?? 0)) / (endMs - startMs)) * 1000);
        return { bytesPerS: rates.reduce((sum, one) => sum + one, 0), leastBytesPerS: Math.min(...rates) };
      };
      const port = isDown ? PORT.pours : PORT.swallows;
      await bed.does<Opened>({ does: "open", count: workers, port, use: isDown ? "read" : "pour" });
      await sleep(LINK_MS);
      const alone = await rate(forMs);
      const before = bed.figures();
      const stalledPort = isDown ? PORT.pours : PORT.neverReads;
      const use = isDown ? "stall" : "pour";
      await bed.does<Opened>({ does: "open", count: stalled, port: stalledPort, use });
      const endMs = performance.now() + FILL_MS;
      while (
        (await rate(FILL_STEP_MS)).bytesPerS < FILLED_SHARE * alone.bytesPerS &&
        performance.now() < endMs
      );
      const beside = await rate(forMs);
      const { lost } = await bed.does<Counted>({ does: "count" });
      return { alone, beside, lost, grownBytes: between(before, bed.figures(), residentBytes) };
    });
  } finally {
    await link.close();
  }
}

/** Asked from the server, beside the tunnel. */
async function swallowed(lab: Lab): Promise<readonly number[]> {
  const text = await lab.server.shell(`curl --silent http://${addressOf("target", "server").v4}/swallowed`);
  return JSON.parse(text) as number[];
}
