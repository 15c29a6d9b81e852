import type { Channel } from "../wire/channel.ts";
import { ResetCode } from "../wire/codes.ts";

/** Bytes of source maps taken at most: a hundred times those of this agent. */
export const MAX_MAPS_BYTES = 4_194_304;

/** Reads the channel to its end, hands all of it to `addMaps`, and ends the channel. */
export function receiveMaps(channel: Channel, addMaps: (payload: Uint8Array) => void): void {
  let payload = new Uint8Array(0);
  let used = 0;
  channel.handler = {
    data(_channel, bytes) {
      const start = used;
      used += bytes.length;
      if (used > MAX_MAPS_BYTES)
        return channel.reset(ResetCode.Resource, `more than ${MAX_MAPS_BYTES} bytes of maps`);
      if (used > payload.length) {
        const smaller = payload;
        payload = new Uint8Array(2 * used);
        payload.set(smaller);
      }
      payload.set(bytes, start);
      channel.consume(bytes.length);
    },
    end() {
      addMaps(payload.subarray(0, used));
      channel.end();
    },
    reset() {
      payload = new Uint8Array(0);
    },
    writable() {
      // Nothing is written.
    },
  };
  channel.accept();
}
