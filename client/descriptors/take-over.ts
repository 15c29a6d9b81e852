/**
 * The link's two streams by system calls, where they are descriptors of this process: that takes less of the processor for
 * each byte than Node's streams do. The bootstrap has used them as streams before; what it has read and not used is not lost.
 */
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import type { ByteSink, ByteSource } from "../../agent-src/wire/link.ts";
import { systemCalls } from "../ffi.ts";
import { descriptorOf } from "../original-destination.ts";
import { DescriptorSocket } from "./descriptor-socket.ts";
import type { DescriptorContext } from "./descriptor-socket.ts";
import { Vectors } from "./outgoing.ts";
import { Readiness } from "./readiness.ts";
import { Slab } from "./slab.ts";

export interface LinkStreams {
  readonly input: ByteSource;
  readonly output: ByteSink;
  /** Nothing that was written is referred to any more. False if that cannot be known. */
  isFlushed(): boolean;
  /** The link is over: the output ends when all is written. */
  end(): void;
}

let shared: { readonly readiness: Readiness; readonly vectors: Vectors } | undefined;

/**
 * What descriptors need, with read memory of their own; of the rest, one of each serves a process. `isUnused`: see Slab.
 * @throws FirewallError "firewall-ffi-missing"
 */
export function descriptorContext(isUnused: () => boolean): DescriptorContext {
  const calls = systemCalls();
  shared ??= { readiness: new Readiness(calls), vectors: new Vectors(calls) };
  return { calls, ...shared, slab: new Slab(isUnused) };
}

/**
 * Takes both over, or neither: what is no descriptor (ssh2), or has something to write still, stays what it is.
 * `isUnused`: nobody refers to what the input has given so far.
 */
export function takeOver(input: Readable, output: Writable, isUnused: () => boolean): LinkStreams {
  const asTheyAre = { input, output, isFlushed: () => false, end: () => undefined };
  const from = descriptorOf(input);
  const to = descriptorOf(output);
  const isReady =
    from !== undefined && to !== undefined && !input.readableEnded && output.writableLength === 0;
  if (!isReady || !(input instanceof Socket) || process.platform !== "linux" || !hasSystemCalls())
    return asTheyAre;
  const calls = systemCalls();
  const reader = calls.duplicate(from);
  const writer = calls.duplicate(to);
  if (reader < 0 || writer < 0) {
    for (const fd of [reader, writer]) if (fd >= 0) calls.close(fd);
    return asTheyAre;
  }
  const rest: unknown = input.read();
  input.destroy();
  const context = descriptorContext(isUnused);
  const source = new DescriptorSocket(reader, context);
  const sink = new DescriptorSocket(writer, context);
  // Nothing is written there: with its end it is done.
  source.end();
  source.onGone = () => sink.destroy();
  // The stream stays, unused: Node closes it when the process behind it has ended, though others may have its pipe.
  output.once("close", () => sink.destroy());
  sink.onGone = () => output.destroy();
  // When the link has its listeners.
  queueMicrotask(() => {
    if (rest instanceof Uint8Array) source.give(rest);
    source.resume();
  });
  return {
    input: source,
    output: sink,
    isFlushed: () => sink.isFlushed,
    end: () => sink.end(),
  };
}

function hasSystemCalls(): boolean {
  try {
    systemCalls();
    return true;
  } catch {
    return false;
  }
}
