/** A second cable between client and server, with a rate, a delay, a queue and loss: see link-emulator.ts. */
import { PROJECT_IN_LAB } from "./keeper.ts";
import type { Lab } from "./lab.ts";
import { LINK_CLIENT, LINK_SERVER } from "./layout.ts";
import type { LabProcess } from "./lab-process.ts";
import { DEVICE, EMULATOR_READY } from "./link-emulator-names.ts";
import type { LinkDirections } from "./link-emulator-names.ts";

export interface LinkSettings {
  readonly rttMs: number;
  /** Both ways; Infinity for no limit. */
  readonly mbitPerS: number;
  /** In bandwidth-delay products (of 1 ms at least). */
  readonly queueBdp: number;
  readonly loss?: number;
  /** Of the losses, when it is opened: with the same one the same packets are lost, by their number. */
  readonly seed?: number;
  /** Of both ends, by the route; the system's own without it. */
  readonly congestion?: "cubic" | "bbr" | "reno";
}

/** A packet; a queue below one would drop all. */
const MIN_QUEUE_BYTES = 15_000;

export class EmulatedLink {
  private readonly emulator: LabProcess;
  private readonly offload: boolean;

  private constructor(emulator: LabProcess, offload: boolean) {
    this.emulator = emulator;
    this.offload = offload;
  }

  static async open(lab: Lab, settings: LinkSettings): Promise<EmulatedLink> {
    const offload = carriesWhole(settings);
    const emulator = lab.client.start([
      "node",
      `${PROJECT_IN_LAB}/dist/test/lab/link-emulator.js`,
      "/run/netns/server",
      `${LINK_CLIENT}/30`,
      `${LINK_SERVER}/30`,
      JSON.stringify({ ...directions(settings), offload }),
    ]);
    await emulator.output(new RegExp(EMULATOR_READY));
    if (settings.congestion !== undefined) {
      for (const host of [lab.client, lab.server]) {
        await host.shell(`ip route change 198.18.0.0/30 dev ${DEVICE} congctl ${settings.congestion}`);
      }
    }
    return new EmulatedLink(emulator, offload);
  }

  /** For packets sent from now on. A link that began without a limit or loss cannot get them. */
  set(settings: LinkSettings): void {
    if (this.offload && !carriesWhole(settings)) {
      throw new RangeError("Cannot limit an emulated link: it was opened without a limit");
    }
    this.emulator.stdin.write(`${JSON.stringify(directions(settings))}\n`);
  }

  async close(): Promise<void> {
    this.emulator.stdin.end();
    await this.emulator.end();
  }
}

/** Where segments need not be told apart the emulator takes many at once, and costs little even at gigabits. */
function carriesWhole({ mbitPerS, loss = 0 }: LinkSettings): boolean {
  return mbitPerS === Infinity && loss === 0;
}

export function directions({ rttMs, mbitPerS, queueBdp, loss = 0, seed }: LinkSettings): LinkDirections {
  // JSON has no Infinity; nothing here is faster than this.
  const bytesPerMs = Math.min(mbitPerS, 1e6) * 125;
  const queueBytes = Math.max(MIN_QUEUE_BYTES, queueBdp * bytesPerMs * Math.max(1, rttMs));
  const one = { bytesPerMs, delayMs: rttMs / 2, queueBytes, loss };
  return { up: one, down: one, ...(seed === undefined ? {} : { seed }) };
}
