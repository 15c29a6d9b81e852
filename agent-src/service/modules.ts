/** The rest of this program: its maps, and modules that were not sent with it. */
import type { Channel } from "../wire/channel.ts";
import { Collect } from "../wire/collect.ts";
import type { Link } from "../wire/link.ts";

/** Bytes taken at most of either: a hundred times the maps of this agent. */
export const MAX_PAYLOAD_BYTES = 4_194_304;

/** Reads the channel to its end and hands all of it to `addMaps`. */
export function receiveMaps(channel: Channel, addMaps: (payload: Uint8Array) => void): void {
  channel.handler = new Collect(MAX_PAYLOAD_BYTES, addMaps, () => undefined);
  channel.accept();
}

/** Asks the client for a module of this program, see fetchBy() of the loader. */
export function fetchModule(link: Link, filename: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    link.open({ kind: "module", filename }, new Collect(MAX_PAYLOAD_BYTES, resolve, reject));
  });
}
