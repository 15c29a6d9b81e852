import type { Channel } from "../wire/channel.ts";
import { ResetCode } from "../wire/codes.ts";

/** Bytes of source maps taken at most: a hundred times those of this agent. */
export const MAX_MAPS_BYTES = 4_194_304;

/** Reads the channel to its end, hands all of it to `addMaps`, and ends the channel. */
export function receiveMaps(channel: Channel, addMaps: (payload: Uint8Array) => void): void {
  let payload = new Uint8Array(0);
  channel.handler = {
    data(_channel, bytes) {
      const joined = new Uint8Array(payload.length + bytes.length);
      if (joined.length > MAX_MAPS_BYTES)
        return channel.reset(ResetCode.Resource, `more than ${MAX_MAPS_BYTES} bytes of maps`);
      joined.set(payload);
      joined.set(bytes, payload.length);
      payload = joined;
      channel.consume(bytes.length);
    },
    end() {
      addMaps(payload);
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
