/**
 * Connections whose reads need no memory of their own each, and so less of the processor for each byte in bulk than "data" of a
 * net.Socket. By the option `onread`, which Node has from 12.10 on; elsewhere it is not heard, and "data" comes as ever.
 */
import { connect } from "net";
import type { Socket } from "net";
import { QUEUE_BYTES } from "../wire/channel.ts";
import type { Mux } from "../wire/mux.ts";
import type { Endpoint } from "../wire/target.ts";

/**
 * What a read may fill while a connection is quiet. It is the same memory for all of them: a read fills it and is
 * copied at once, and 10,000 that are idle hold nothing.
 */
const QUIET_BYTES = 16_384;

/** And once that was filled: a read of this size is four frames. */
const BULK_BYTES = 262_144;

/** Buffers that wait to be used again; more than that are left to the collector. */
const MAX_SPARE = 8;

/** Makes connections for channels of `mux`, whose bytes leave by `output`. */
export function bulkConnect(
  mux: Mux,
  output: { readonly writableLength?: number },
): (target: Endpoint & { readonly allowHalfOpen: boolean }) => Socket {
  const quiet = Buffer.allocUnsafeSlow(QUIET_BYTES);
  let spare: Buffer[] = [];
  let given: Buffer[] = [];
  const isAllSent = (): boolean => mux.queuedBytes === 0 && output.writableLength === 0;

  function nextBulk(): Buffer {
    if (given.length > 0 && isAllSent()) {
      spare = spare.concat(given).slice(0, MAX_SPARE);
      given = [];
    }
    return spare.pop() || Buffer.allocUnsafeSlow(BULK_BYTES);
  }

  return (target) => {
    let isBulk = false;
    const onread = {
      buffer: () => (isBulk && mux.queuedBytes < QUEUE_BYTES ? nextBulk() : quiet),
      callback(count: number, buffer: Buffer) {
        let bytes = buffer.slice(0, count);
        isBulk = count === buffer.length;
        if (buffer === quiet) bytes = Buffer.from(bytes);
        else if (given.push(buffer) > MAX_SPARE) given.shift();
        socket.emit("data", bytes);
        return true;
      },
    };
    const socket = connect(Object.assign({ onread }, target));
    return socket;
  };
}
